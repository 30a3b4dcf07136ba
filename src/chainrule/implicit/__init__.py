"""Floor 6: solvers, differentiated at their answer; integrals and differential equations.

`optimize` and `integrate` are imported when the user's program has imported `scipy.optimize` or
`scipy.integrate`; they register the records.
"""

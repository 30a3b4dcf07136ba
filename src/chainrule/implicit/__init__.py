"""Floor 6: solvers, differentiated at their answer; integrals and differential equations.

`optimize` and `integrate` are imported when the user's program has imported `scipy.optimize` or
`scipy.integrate`; they register the records. `implicit` does the same for a solver of one's own.
"""

from .decorator import implicit

__all__ = ["implicit"]

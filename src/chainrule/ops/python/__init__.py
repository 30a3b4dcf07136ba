"""Python's own numbers, and the functions of `math`, `cmath` and `statistics`."""

"""Law: a Python number is weak when it is traced as when it is plain (NEP 50).

``np.float32(2) * 0.1`` has single precision, and so it has where 0.1 is ``x.item()`` of a traced x.
"""

import operator

import numpy as np
import pytest

import chainrule as cr
from chainrule.tracing.tracer import concrete

OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow,
]  # fmt: skip
UFUNCS = [np.multiply, np.maximum, np.hypot, np.arctan2, np.power, np.logaddexp]
FUNCTIONS = [
    *OPERATORS, *UFUNCS, *[u.outer for u in UFUNCS],
    lambda a, b: np.where(np.greater(a, b), a, b), lambda a, b: np.clip(b, a, None),
    lambda a, b: np.select([np.greater(a, b), np.less(a, b)], [a, b]),
    lambda a, b: (2 * a + 1) * b, lambda a, b: abs(-a) * b, lambda a, b: (a * 1j) * b,
    lambda a, b: sum([a, b, b]),
]  # fmt: skip
STRONG = {
    "traced number": lambda x: x[0], "traced array": lambda x: x, "expression": lambda x: x * x,
    "single number": lambda x: np.float32(1.5), "half array": lambda x: np.ones(2, np.float16),
    "whole numbers": lambda x: np.arange(1, 3), "complex": lambda x: np.ones(2, np.complex64),
}  # fmt: skip



@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("strong", STRONG)
@pytest.mark.parametrize("f", FUNCTIONS)
def test_a_traced_python_number_is_weak(f, strong, dtype):
    x = np.array([1.3, 0.7], dtype)
    for pair in ((0, 1), (1, 0)):
        seen = []

        def g(x, pair=pair, seen=seen):
            operands = (x.item(1), STRONG[strong](x))
            seen.append(f(*[operands[i] for i in pair]))
            return np.sum(np.real(seen[-1]))

        try:
            g(x)
        except TypeError:  # complex numbers are not divided by whole
            continue
        gradient = cr.grad(g)(x)
        plain, traced = seen[0], concrete(seen[-1])
        assert np.result_type(plain) == np.result_type(traced)
        assert gradient.dtype == dtype
        # an array's and a number's power take different roads in NumPy, a rounding apart
        np.testing.assert_allclose(traced, plain, rtol=2 * np.finfo(traced.dtype).eps)

"""Complex numbers of Python keep the signs of their zeros, which name the side of a cut.

Every way to make one meets every function of `cmath`; the plain run says what is right, and
differences of plain runs what the derivative is.
"""

import cmath

import numpy as np
import pytest

import chainrule

MADE = {
    "complex(x, 0.0)": lambda x: complex(x, 0.0),
    "complex(x, -0.0)": lambda x: complex(x, -0.0),
    "complex(0.0, x)": lambda x: complex(0.0, x),
    "complex(-0.0, x)": lambda x: complex(-0.0, x),
    "complex(x)": lambda x: complex(x),
    "complex(real=x)": lambda x: complex(real=x),
    "complex(imag=x, real=-0.0)": lambda x: complex(imag=x, real=-0.0),
    "complex(x, -0j)": lambda x: complex(x, -0j),
    "complex(1j * x, -0.0)": lambda x: complex(1j * x, -0.0),
    "x": lambda x: x,
    "1j * x": lambda x: 1j * x,
    "x * 1j": lambda x: x * 1j,
    "x * complex(1, -0.0)": lambda x: x * complex(1, -0.0),
    "complex(0, -0.0) + x": lambda x: complex(0, -0.0) + x,
    "x - 0j": lambda x: x - 0j,
    "-(x + 0j)": lambda x: -(x + 0j),
    "x / 1j": lambda x: x / 1j,
    "1 / complex(x, -0.0)": lambda x: 1 / complex(x, -0.0),
    "complex(x, 0.0).conjugate()": lambda x: complex(x, 0.0).conjugate(),
    "np.conj(x + 0j)": lambda x: np.conj(x + 0j),
    "cmath.rect(x, -0.0)": lambda x: cmath.rect(x, -0.0),
}
FUNCTIONS = "acos acosh asin asinh atan atanh exp log log10 phase sqrt".split()


def _both(function, make):
    def both(x):
        y = function(make(x))
        return y.real, y.imag

    return both


@pytest.mark.parametrize("made", MADE)
def test_what_is_made_lies_on_the_plain_side(made):
    for name in FUNCTIONS:
        both = _both(getattr(cmath, name), MADE[made])
        for x in (1.3, -1.3, 0.4, -0.4):
            plain = both(x)
            value, slope = chainrule.jvp(both, (x,), (1.0,))
            h = 1e-6
            want = np.subtract(both(x + h), both(x - h)) / (2 * h)
            assert np.allclose(value, plain, 1e-13, 1e-13), (name, x)
            assert np.array_equal(np.signbit(value), np.signbit(plain)), (name, x, value, plain)
            assert np.allclose(slope, want, 1e-6, 1e-6), (name, x)
            pull = chainrule.vjp(both, x)[1]
            assert np.allclose([pull(c)[0] for c in ((1.0, 0.0), (0.0, 1.0))], want, 1e-6, 1e-6)


@pytest.mark.parametrize("made", MADE)
def test_parts_are_those_of_the_plain_number(made):
    for x in (1.3, -1.3, 0.0, -0.0):
        if made.startswith("1 /") and x == 0:
            continue
        plain = complex(MADE[made](x))
        seen = []
        chainrule.jvp(lambda x, seen=seen: seen.append(MADE[made](x)) or x, (x,), (1.0,))
        got = complex(chainrule.stop_gradient(seen[0]))
        assert (got.real, got.imag) == (plain.real, plain.imag)
        signs = np.signbit([got.real, got.imag]), np.signbit([plain.real, plain.imag])
        assert np.array_equal(*signs), (x, got, plain)

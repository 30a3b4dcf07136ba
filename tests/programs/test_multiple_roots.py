"""What is symmetric in the roots of a polynomial is smooth where roots fall together."""

import numpy as np
import pytest
import scipy.signal as sg

import chainrule as cr

ROOTS = {  # the roots, and the first of the coefficients that they are found from
    "roots": np.roots,
    "poly1d": lambda c: np.poly1d(c).r,
    "polynomial": lambda c: np.polynomial.Polynomial(c[::-1]).roots(),
    "tf2zpk": lambda c: sg.tf2zpk([1.0], c)[1],
    "poles": lambda c: sg.lti([1.0], c).poles,
}
# of c: the sum of the roots, of their squares, and their product
SYMMETRIC = {
    "sum": (lambda r: r.sum().real, lambda c: -c[1] / c[0]),
    "squares": (lambda r: (r**2).sum().real, lambda c: (c[1] / c[0]) ** 2 - 2 * c[2] / c[0]),
    "product": (lambda r: np.prod(r).real, lambda c: (-1) ** (len(c) - 1) * c[-1] / c[0]),
}
AT = {
    "double": [1.0, 2, 1], "triple": [1.0, -3, 3, -1], "nearly": [1.0, -2 - 1e-7, 1 + 1e-7],
    "and a simple one": [2.0, -8, 10, -4], "simple": [2.0, 3, 4],
}  # fmt: skip


@pytest.mark.parametrize("how", ROOTS)
@pytest.mark.parametrize("what", SYMMETRIC)
@pytest.mark.parametrize("at", AT)
@pytest.mark.filterwarnings("ignore::chainrule.errors.IndeterminateWarning")
def test_symmetric_functions_of_roots(how: str, what: str, at: str) -> None:
    outer, formula = SYMMETRIC[what]
    c = np.array(AT[at])
    t = np.array([3.0, 1.0, 2.0, 5.0])[: c.size]

    def f(c: np.ndarray) -> float:
        return outer(ROOTS[how](c))

    wanted = cr.grad(formula)(c)
    np.testing.assert_allclose(cr.grad(f)(c), wanted, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(cr.jvp(f, (c,), (t,))[1], wanted @ t, rtol=1e-7, atol=1e-7)


def test_roots_themselves_have_no_derivative_there() -> None:
    with pytest.warns(cr.errors.IndeterminateWarning, match="roots"):
        found = cr.jacobian(np.roots)(np.array([1.0, -4, 5, -2]))
    np.testing.assert_allclose(np.real(found[0]), [-8, -4, -2, -1], rtol=1e-10)  # 2 is simple
    assert np.isnan(found[1:]).all()

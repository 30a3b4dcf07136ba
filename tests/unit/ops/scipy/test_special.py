"""SciPy's special functions: far tails, infinities, masks, and the door that leads to them."""

import functools
import subprocess
import sys
import threading
from types import FunctionType
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import special
from scipy.special import logsumexp, softmax

import chainrule as cr
from chainrule.core import registry
from chainrule.core.op import Composite
from chainrule.errors import IndeterminateWarning, UnsupportedFunctionError
from chainrule.testing.samples import cases
from chainrule.tracing import interpose

INF = np.inf
X = np.array([1.0, -2.0, 0.5])


# --- elementwise ----------------------------------------------------------------------------------


def derivatives(f: Any, x: float, order: int) -> list[float]:
    return [float(cr.derivative(f, order=k)(x)) for k in range(1, order + 1)]


def test_logistic_functions_in_the_tails() -> None:
    for x in (-700.0, -40.0):
        np.testing.assert_allclose(derivatives(special.expit, x, 3), [np.exp(x)] * 3, rtol=1e-13)
        np.testing.assert_allclose(
            derivatives(special.log_expit, -x, 3),
            [np.exp(x), -np.exp(x), np.exp(x)], rtol=1e-13,
        )  # fmt: skip
    assert derivatives(special.expit, 800.0, 3) == [0, 0, 0]
    assert derivatives(special.expit, 0.0, 3) == [0.25, 0, -0.125]
    np.testing.assert_allclose(cr.grad(special.logit)(1e-300), 1e300, rtol=1e-15)


def test_error_functions_in_the_tails() -> None:
    import mpmath

    for f, sign in ((special.erf, 1), (special.erfc, -1)):
        for x in (-20.1, 5.3, 26.0):
            with mpmath.workdps(40):
                bell = mpmath.exp(-(mpmath.mpf(x) ** 2))
                exact = float(sign * 2 / mpmath.sqrt(mpmath.pi) * bell)
            np.testing.assert_allclose(derivatives(f, x, 1), exact, rtol=1e-15)
            np.testing.assert_allclose(derivatives(f, x, 2)[1], -2 * x * exact, rtol=1e-15)
    assert derivatives(special.erf, INF, 1) == [0]
    assert cr.grad(special.erfinv)(1.0) == INF
    assert cr.grad(special.erfcinv)(0.0) == -INF
    for f, x in (
        (special.erfinv, 0.9), (special.erfcinv, 0.2), (special.ndtri, 0.3), (special.ndtr, 0.5),
        (special.log_ndtr, -8.0), (special.log_ndtr, 2.0),
    ):  # fmt: skip
        cr.check_grads(f, (x,), order=3)
    np.testing.assert_allclose(cr.grad(special.log_ndtr)(-1e4), 1e4, rtol=1e-7)


def test_products_with_logarithms_at_zero() -> None:
    y, pull = cr.vjp(special.xlogy, np.array([0.0, 0.0, 2.0]), np.array([0.0, 3.0, 4.0]))
    dx, dy = pull(np.ones(3))
    assert y.tolist()[:2] == [0, 0]
    assert dx.tolist() == [-INF, np.log(3.0), np.log(4.0)]
    assert dy.tolist() == [0, 0, 0.5]
    _, dy = cr.vjp(special.xlog1py, 0.0, -1.0)[1](1.0)
    assert dy == 0


def test_gamma_functions() -> None:
    cr.check_grads(special.gammaln, (2.5,), order=3)
    cr.check_grads(special.gammaln, (-0.7,), order=3)
    cr.check_grads(lambda x: special.polygamma(2, x), (1.5,), order=2)
    cr.check_grads(lambda x: special.multigammaln(x, 3), (np.array([2.5, 4.0]),), order=2)
    for wrong in (1.5, np.array([1, 2])):
        with pytest.raises(ValueError, match="positive integer"):
            cr.grad(lambda x, d=wrong: special.multigammaln(x, d))(5.0)
    with pytest.raises(ValueError, match="not met"):
        cr.grad(lambda x: special.multigammaln(x, 5))(1.0)


@pytest.mark.parametrize(
    "f",
    [
        lambda n: special.polygamma(n, 2.0), lambda v: special.jv(v, 1.0),
        lambda v: special.hyp1f1(v, 1.0, 0.5), lambda a: special.hyperu(a, 1.0, 0.5),
    ],
)  # fmt: skip
def test_orders_without_a_rule_are_refused(f: Any) -> None:
    with pytest.raises(UnsupportedFunctionError, match="no derivative rule in its argument"):
        cr.grad(f)(1.0)
    with pytest.raises(UnsupportedFunctionError, match="stop_gradient"):
        cr.derivative(f)(1.0)


# --- coverage -------------------------------------------------------------------------------------


def test_every_function_with_a_rule_has_calls_that_the_laws_run() -> None:
    registry.load_all()
    public = {id(getattr(special, name)): name for name in special.__all__}
    rules = [
        (public[id(function)], record) for function, record in registry.records()
        if id(function) in public and (isinstance(record, Composite) or any(
            record.flows(k) for k in range(len(record.slots))))
    ]  # fmt: skip
    assert len(rules) > 200
    for name, record in rules:
        assert list(cases(record)), f"{name} has no sample with an array to differentiate in"


def test_eigenvalues_in_their_parameter() -> None:
    for f in (
        lambda q: special.mathieu_a(3.0, q), lambda q: special.mathieu_b(1.0, q),
        lambda c: special.pro_cv(1.0, 3.0, c), lambda c: special.obl_cv(0.0, 2.0, c),
    ):  # fmt: skip
        cr.check_grads(f, (np.array([0.3, 1.7, 4.0]),), order=1)
        with pytest.raises(UnsupportedFunctionError, match="integral"):
            cr.derivative(f, order=2)(0.7)
    assert cr.grad(lambda q: special.mathieu_a(1.0, q))(0.0) == pytest.approx(1.0, abs=1e-15)
    with pytest.warns(IndeterminateWarning):
        assert np.isnan(cr.grad(lambda c: special.pro_cv(1.0, 2.0, c))(-0.5))


def test_integrals_of_airy_functions_have_airy_functions_as_derivatives() -> None:
    import mpmath

    for x in (0.4, 2.0, 5.0):
        got = cr.jvp(special.itairy, (x,), (1.0,))[1]
        exact = [f(s * x) for s in (1, -1) for f in (mpmath.airyai, mpmath.airybi)]
        np.testing.assert_allclose(got, [float(v) for v in exact], rtol=1e-12)


@pytest.mark.filterwarnings("ignore:floating point number truncated")
def test_whole_numbers_are_taken_as_scipy_takes_them() -> None:
    for f, n in ((special.smirnov, 3.7), (special.smirnovi, 3.7)):
        whole = cr.grad(lambda d, f=f, n=n: f(int(n), d))(0.4)
        assert cr.grad(lambda d, f=f, n=n: f(n, d))(0.4) == whole


def test_densities_close_to_zero_do_not_vanish_early() -> None:
    import mpmath

    for a, b in ((1.9689821453158833, 0.5), (1.48, 4.0)):
        got = cr.grad(lambda x, a=a, b=b: special.betainc(a, b, x))(1e-300)
        exact = mpmath.mpf(10) ** (-300 * (mpmath.mpf(a) - 1)) / mpmath.beta(a, b)
        np.testing.assert_allclose(got, float(exact), rtol=1e-12)


def test_scaled_bessel_functions_do_not_cancel() -> None:
    import mpmath

    for v in (0.0, 1.0, 3.0):
        for x in (1.4, 12.5, 20.0):
            with mpmath.workdps(30):
                first = mpmath.diff(lambda t, v=v: mpmath.exp(-t) * mpmath.besseli(v, t), x)
                second = mpmath.diff(lambda t, v=v: mpmath.exp(t) * mpmath.besselk(v, t), x)
            near = 5e-15 if v < 3 or x > 12 else 1e-13
            np.testing.assert_allclose(
                cr.grad(lambda x, v=v: special.ive(v, x))(x), float(first), rtol=near
            )
            np.testing.assert_allclose(
                cr.grad(lambda x, v=v: special.kve(v, x))(x), float(second), rtol=5e-15
            )


# --- logsumexp and softmax ------------------------------------------------------------------------


def test_logsumexp_far_out_and_masked() -> None:
    for x in (X, X + 1e4, X - 1e4, np.array([-INF, 1.0, 2.0]), np.array([INF, 1.0, 2.0])):
        with np.errstate(invalid="ignore"):
            g = cr.grad(logsumexp)(x)
        expected = np.array([1.0, 0, 0]) if x[0] == INF else softmax(x)
        np.testing.assert_allclose(g, expected, rtol=1e-15)
    assert cr.grad(logsumexp)(np.full(3, -INF)).tolist() == [0, 0, 0]
    g = cr.grad(logsumexp)(np.array([INF, INF, 0.0]))
    assert g.tolist() == [0.5, 0.5, 0]
    np.testing.assert_allclose(
        cr.hessian(logsumexp)(X), np.diag(softmax(X)) - np.outer(softmax(X), softmax(X)), atol=1e-16
    )
    y, pull = cr.vjp(lambda x: logsumexp(x, axis=0), np.zeros((0, 2)))
    assert y.tolist() == [-INF, -INF]
    assert pull(np.ones(2))[0].shape == (0, 2)


def test_logsumexp_with_weights_and_sign() -> None:
    b = np.array([2.0, -0.5, 0.0])
    f = lambda a, b: logsumexp(a, b=b, return_sign=True)[0]  # noqa: E731
    cr.check_grads(f, (X, b), order=2)
    cr.check_grads(lambda a, b: logsumexp(a, b=b, axis=1), (np.stack([X, X + 1]), abs(b) + 1))
    a = np.array([INF, 1.0, 2.0])
    assert cr.grad(lambda a: logsumexp(a, b=[0, 1, 1]))(a)[0] == 0

    def signed(x: Any) -> Any:
        value, sign = logsumexp(x, b=b - 2, return_sign=True)
        assert sign == -1.0
        return value * sign

    cr.check_grads(signed, (X,))
    with pytest.raises(UnsupportedFunctionError, match="complex"):
        cr.grad(lambda z: np.real(logsumexp(z, return_sign=True)[0]))(X + 1j)
    g = cr.grad(lambda z: np.real(logsumexp(z)))(X + 1j)
    np.testing.assert_allclose(g, softmax(X), rtol=1e-14, atol=1e-16)


def test_softmax_of_masked_rows() -> None:
    x = np.array([[1.0, -INF, 2.0], [0.0, 0.5, -INF]])
    for f in (special.softmax, special.log_softmax):
        y, pull = cr.vjp(lambda x, f=f: f(x, axis=1), x)
        np.testing.assert_array_equal(y, f(x, axis=1))
        ct = np.where(np.isfinite(x), np.array([[1.0, 2.0, -1.0]]), 0.0)
        (g,) = pull(ct)
        assert np.isfinite(g).all()
        assert not g[~np.isfinite(x)].any()
        assert abs(g.sum(axis=1)).max() < 1e-15
    for axis in (None, 0, (0, 1)):
        cr.check_grads(lambda x, axis=axis: special.softmax(x, axis=axis), (np.outer(X, X),))
        cr.check_grads(lambda x, axis=axis: special.log_softmax(x, axis=axis), (np.outer(X, X),))


# --- the door -------------------------------------------------------------------------------------


def test_functions_get_their_own_code_back() -> None:
    own = {f: f.__code__ for f in registry.plain_functions()}
    assert logsumexp in own
    assert cr.grad(lambda x: logsumexp(x) + cr.grad(logsumexp)(x)[0])(X).shape == (3,)
    for failing in (lambda x: logsumexp(x) / None, lambda x: logsumexp("text"), lambda x: 1 / 0):
        with pytest.raises((TypeError, ValueError, ZeroDivisionError)):
            cr.grad(failing)(X)
    assert {f: f.__code__ for f in own} == own
    assert logsumexp(X) == special.logsumexp(X)


def test_other_threads_see_the_plain_function() -> None:
    """While one thread traces, another one's calls run SciPy's own code on plain arrays."""
    inside, done, seen = threading.Event(), threading.Event(), []

    def plain() -> None:
        inside.wait(10)
        seen.extend([logsumexp(X), softmax(X, axis=0), logsumexp(a=X, keepdims=True)])
        done.set()

    def f(x: Any) -> Any:
        inside.set()
        assert done.wait(10)
        return logsumexp(x)

    thread = threading.Thread(target=plain)
    thread.start()
    np.testing.assert_allclose(cr.grad(f)(X), softmax(X), rtol=1e-15)
    thread.join()
    assert type(seen[0]) is np.float64
    assert type(seen[1]) is np.ndarray
    assert seen[0] == logsumexp(X) == seen[2][0]


def test_many_threads_at_once() -> None:
    errors = []

    def work() -> None:
        for _ in range(50):
            if not np.allclose(cr.grad(logsumexp)(X), softmax(X)):
                errors.append("wrong")

    own = logsumexp.__code__
    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    assert logsumexp.__code__ is own


def test_a_decorated_function_has_a_door_too() -> None:
    def decorate(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*args: Any, scale: float = 1.0) -> Any:
            return function(*args) * scale

        return wrapper

    @decorate
    def length(x: Any) -> float:
        return float(np.sqrt(np.sum(np.asarray(x) ** 2)))

    assert isinstance(length, FunctionType)
    record = Composite("length", lambda x, scale=1.0: np.linalg.norm(x) * scale, length)
    registry.register(length, record)
    try:
        np.testing.assert_allclose(
            cr.grad(lambda x: length(x, scale=2.0))(X), 2 * X / np.linalg.norm(X)
        )
        np.testing.assert_allclose(cr.grad(lambda x: x[0] * length(X))(X)[0], np.linalg.norm(X))
        assert length(X, scale=2.0) == 2 * np.linalg.norm(X)
    finally:
        registry._records.pop(length)
        registry._plain.remove(length)
        interpose._codes.pop(length, None)


def test_scipy_is_not_imported_by_the_library() -> None:
    code = (
        "import sys, numpy as np, chainrule as cr\n"
        "cr.grad(lambda x: np.sum(np.sin(x)))(np.ones(2))\n"
        "assert 'scipy.special' not in sys.modules\n"
        "from scipy.special import softmax, expit\n"
        "assert cr.jacobian(softmax)(np.zeros(2)).tolist() == [[0.25, -0.25], [-0.25, 0.25]]\n"
        "assert cr.grad(expit)(0.0) == 0.25\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        *(("gammainc", at) for at in ((0.5, 0.3), (1.5, 0.4), (3.0, 6.0), (30.0, 25.0), (0.05, 0.2),
                                      (200.0, 190.0), (0.01, 3.0))),
        *(("betainc", at) for at in ((0.5, 0.7, 0.3), (2.5, 3.0, 0.01), (3.0, 2.0, 0.99),
                                     (30.0, 20.0, 0.6), (0.3, 5.0, 0.001), (10.0, 0.4, 0.999))),
    ],
)  # fmt: skip
def test_second_derivatives_in_shapes_against_mpmath(name, at):
    found = cr.hessian(lambda v: getattr(special, name)(*v))(np.array(at))

    def exact(*v):
        return getattr(mpmath, name)(*v[:-1], 0, v[-1], regularized=True)

    n = len(at)
    with mpmath.workdps(40):
        for i in range(n):
            for j in range(i, n):
                orders = tuple((k == i) + (k == j) for k in range(n))
                want = float(mpmath.diff(exact, at, orders))
                # sums of 240 terms, whose parts cancel by up to two digits
                np.testing.assert_allclose(found[i, j], want, rtol=1e-12, atol=1e-15)


def _student(v, t):
    half = mpmath.betainc(v / 2, 0.5, 0, v / (v + t * t), regularized=True) / 2
    return 1 - half if t > 0 else half


@pytest.mark.parametrize(
    ("f", "exact", "points"),
    [
        (special.gammainc, lambda a, x: mpmath.gammainc(a, 0, x, regularized=True),
         ((0.01, 3.0), (0.5, 0.3), (3.0, 6.0))),
        (special.betainc, lambda a, b, x: mpmath.betainc(a, b, 0, x, regularized=True),
         ((0.3, 5.0, 0.001), (2.5, 3.0, 0.7))),
        (special.stdtr, _student, ((2.5, 0.7), (0.7, -9.0), (30.0, 1.1))),
    ],
    ids=lambda f: getattr(f, "__name__", ""),
)  # fmt: skip
def test_third_derivatives_in_a_shape_against_mpmath(f, exact, points):
    third = cr.grad(cr.grad(cr.grad(f)))
    with mpmath.workdps(40):
        for at in points:
            want = float(mpmath.diff(lambda a, at=at: exact(a, *at[1:]), at[0], 3))
            np.testing.assert_allclose(third(*at), want, rtol=1e-12)


@pytest.mark.parametrize("z", [0.7 + 0.3j, -2.3 + 0.4j, 5 + 2j, -3.5 + 0j, 12 + 0.1j])
@pytest.mark.parametrize("name", ["gamma", "loggamma", "digamma", "rgamma", "shichi"])
def test_higher_derivatives_of_complex_numbers(name, z):
    f = getattr(special, name)
    g = f if name != "shichi" else lambda z: f(z)[0]
    slope = cr.grad(g, holomorphic=True)
    h = 1e-3
    ring = [slope(z + h * w) / w for w in np.exp(2j * np.pi * np.arange(8) / 8)]
    wanted = sum(ring) / (8 * h)  # Cauchy's formula
    assert np.allclose(cr.grad(slope, holomorphic=True)(z), wanted, rtol=1e-8, atol=1e-9)

"""Reductions where the general laws have no say: zeros, ties, masks, empties, kinks, NaN."""

import itertools
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainRuleError, KinkWarning

NAN, INF = np.nan, np.inf
X = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])
MASK = np.array([[True, False, True], [True, True, False]])


def pulled(f: Any, x: Any, seed: int = 0) -> Any:
    """Return Jᵀȳ for a fixed ȳ, and hold forward mode and NumPy's value against it."""
    y, pull = cr.vjp(f, x)
    np.testing.assert_array_equal(y, f(x))
    rng = np.random.default_rng(seed)
    ct, t = rng.standard_normal(y.shape)[()], rng.standard_normal(np.shape(x))[()]
    (g,) = pull(np.asarray(ct, y.dtype)[()])
    np.testing.assert_allclose(
        np.sum(ct * cr.jvp(f, (x,), (t,))[1]), np.sum(g * t), rtol=1e-11, atol=1e-13
    )
    return g


# --- sums, means, spreads -------------------------------------------------------------------------


def test_sum_with_mask_start_and_dtype() -> None:
    assert cr.grad(lambda x: np.sum(x, where=MASK, initial=5.0))(X).tolist() == MASK.tolist()
    assert cr.grad(lambda x: np.sum(x, initial=x[1]))(X[0]).tolist() == [1, 2, 1]
    with pytest.raises(ChainRuleError):
        cr.grad(lambda x: np.sum(X, initial=x))(2.0)
    assert cr.grad(lambda x: np.sum(x, where=x > 0))(X).tolist() == (X > 0).tolist()
    y, pull = cr.vjp(lambda x: np.sum(x, dtype=np.float64), X.astype(np.float32))
    assert y.dtype == np.float64
    assert pull(np.float64(1))[0].dtype == np.float32
    assert (
        cr.grad(lambda x: np.sum(np.sum(x, axis=(), keepdims=True) * X))(X).tolist() == X.tolist()
    )
    assert cr.grad(lambda x: np.add.reduce(x, axis=None))(X).tolist() == np.ones((2, 3)).tolist()
    with pytest.raises(np.exceptions.AxisError):
        cr.grad(lambda x: np.sum(x, axis=2))(X)
    with pytest.raises(ValueError, match="duplicate"):
        cr.grad(lambda x: np.sum(x, axis=(0, 0)))(X)


def test_reductions_into_a_buffer() -> None:
    def f(x: Any) -> Any:
        out = np.zeros_like(x[0])
        for reduce in (np.sum, np.mean, np.max, np.std, np.prod, np.ptp, np.nansum):
            part = x[0] * 0
            reduce(x, axis=0, out=part)
            out = out + part
        return out

    pulled(f, X)
    cr.check_grads(f, (X,), order=1)


@pytest.mark.parametrize("ddof", [0, 1, 1.5])
@pytest.mark.parametrize("f", [np.var, np.std])
def test_degrees_of_freedom(f: Any, ddof: float) -> None:
    for kwargs in ({}, {"axis": 1}, {"axis": 0, "keepdims": True}, {"axis": 1, "where": MASK}):
        if ddof == 1.5 and kwargs:
            continue
        cr.check_grads(lambda x, kw=kwargs: f(x, ddof=ddof, **kw), (X,))
        pulled(lambda x, kw=kwargs: f(x, ddof=ddof, **kw), X)
    mean = np.mean(X, axis=1, keepdims=True)
    pulled(lambda x: f(x, axis=1, mean=mean), X)
    pulled(lambda x: f(x, axis=1, mean=np.mean(x, axis=1, keepdims=True)), X)
    if ddof:
        with pytest.raises(ValueError, match="simultaneously"):
            cr.grad(lambda x: f(x, ddof=1, correction=2))(X)


def test_std_where_all_are_equal() -> None:
    x = np.full((2, 3), 4.0)
    assert not cr.grad(np.std)(x).any()
    assert not cr.jacobian(lambda x: np.std(x, axis=1))(x).any()
    with pytest.warns(KinkWarning, match="none there"):
        assert np.isnan(cr.hessian(np.std)(x[0])).any()


def test_too_few_elements() -> None:
    with pytest.warns(RuntimeWarning):
        y, pull = cr.vjp(np.mean, np.zeros(0))
    assert np.isnan(y)
    assert pull(1.0)[0].shape == (0,)
    with pytest.warns(RuntimeWarning):
        y, pull = cr.vjp(lambda x: np.var(x, ddof=1), np.ones(1))
    assert np.isnan(y)


def test_spread_of_complex_numbers() -> None:
    z = np.array([1 + 2j, -0.5j, 3 - 1j])
    g = cr.grad(np.var)(z)
    np.testing.assert_allclose(g, 2 * np.conj(z - z.mean()) / 3, rtol=1e-14)
    np.testing.assert_array_equal(cr.vjp(np.var, z)[0], np.var(z))


def test_average() -> None:
    w = np.array([1.0, 2.0, 0.5])
    f = lambda w: np.average(X, axis=1, weights=w)  # noqa: E731
    pulled(f, w)
    cr.check_grads(f, (w,))
    pulled(lambda x: np.average(x, axis=(1, 0), weights=X.T + 4), X)
    pulled(lambda x: np.average(x, weights=MASK + 0.5, returned=True)[0], X)
    assert (
        cr.grad(lambda w: np.average(X, weights=w, returned=True)[1])(MASK * 1.0).tolist()
        == [[1] * 3] * 2
    )
    with pytest.raises(ZeroDivisionError):
        cr.grad(lambda x: np.average(x, axis=1, weights=[1.0, -1.0, 0.0])[0])(X)
    with pytest.raises(TypeError, match="Axis"):
        cr.grad(lambda x: np.average(x, weights=w))(X)
    with pytest.raises(ValueError, match="consistent"):
        cr.grad(lambda x: np.average(x, axis=0, weights=w)[0])(X)


def test_trapezoid_in_both_arguments() -> None:
    t = np.array([0.0, 1.0, 4.0])
    f = lambda y, t: np.trapezoid(y, t)  # noqa: E731
    cr.check_grads(f, (X, t))
    np.testing.assert_allclose(cr.grad(lambda y: f(y, t))(X[0]), [0.5, 2, 1.5])
    pulled(lambda y: np.trapezoid(y, dx=0.5, axis=0), X)


# --- products -------------------------------------------------------------------------------------


def products_without(x: Any, left_out: int) -> Any:
    """Return every derivative of Πx of order `left_out`, by leaving factors out."""
    n = len(x)
    out = np.zeros((n,) * left_out)
    for places in itertools.permutations(range(n), left_out):
        out[places] = np.prod([x[i] for i in range(n) if i not in places])
    return out


@pytest.mark.parametrize(
    "x",
    [[2.0, 3.0, 5.0, 7.0], [0.0, 3.0, 5.0], [0.0, 0.0, 5.0], [0.0] * 4, [2.0], [0.0], [1e-200] * 3],
)  # fmt: skip
def test_prod_with_zeros_to_third_order(x: list[float]) -> None:
    a = np.array(x)
    assert cr.grad(np.prod)(a).tolist() == products_without(a, 1).tolist()
    assert cr.hessian(np.prod)(a).tolist() == products_without(a, 2).tolist()
    third = cr.jacfwd(cr.hessian(np.prod))(a)
    assert third.tolist() == products_without(a, 3).tolist()
    assert cr.jacrev(cr.jacfwd(np.prod))(a).tolist() == products_without(a, 2).tolist()


@pytest.mark.parametrize(
    "x", [[2.0, 3.0, 5.0, 7.0, 0.5], [0.0, 3.0, 5.0], [4.0, 0.0, 5.0, 0.0, 6.0]]
)
def test_cumprod_with_zeros_to_third_order(x: list[float]) -> None:
    a = np.array(x)
    for order, nested in ((1, cr.jacrev(np.cumprod)), (2, cr.jacfwd(cr.jacrev(np.cumprod))),
                          (3, cr.jacfwd(cr.jacfwd(cr.jacrev(np.cumprod))))):  # fmt: skip
        got = nested(a)
        for k in range(len(a)):
            expected = np.zeros((len(a),) * order)
            head = products_without(a[: k + 1], order)
            expected[tuple(slice(0, k + 1) for _ in range(order))] = head
            assert got[k].tolist() == expected.tolist()


def test_prod_with_mask_start_and_axes() -> None:
    a = np.array([[0.0, 2.0, 3.0], [4.0, 0.0, 0.5]])
    for kwargs in (
        {"axis": 0}, {"axis": 1, "keepdims": True}, {"axis": (0, 1)}, {"axis": 1, "where": MASK},
        {"initial": 3.0}, {"axis": 1, "initial": 0.0}, {"axis": ()}, {"axis": -2},
    ):  # fmt: skip
        f = lambda x, kw=kwargs: np.prod(x, **kw)  # noqa: E731
        pulled(f, a)
        cr.check_grads(f, (a,))
    assert cr.grad(lambda x: np.prod(x[1:], initial=x[0]))(a[0]).tolist() == [6, 0, 0]
    assert cr.grad(lambda x: np.multiply.reduce(x))(a[0]).tolist() == [6, 0, 0]
    assert cr.vjp(np.prod, np.zeros(0))[0] == 1
    np.testing.assert_array_equal(pulled(lambda x: np.multiply.accumulate(x, axis=1), a)[0, 1:], 0)


# --- extremes -------------------------------------------------------------------------------------


def test_ties_share_equally() -> None:
    x = np.array([[1.0, 3.0, 3.0], [3.0, 2.0, 3.0]])
    assert cr.grad(np.max)(x).tolist() == [[0, 0.25, 0.25], [0.25, 0, 0.25]]
    assert cr.grad(lambda x: np.sum(np.max(x, axis=1)))(x).tolist() == [
        [0, 0.5, 0.5],
        [0.5, 0, 0.5],
    ]
    assert cr.grad(lambda x: np.sum(x.max(axis=0)))(x).tolist() == [[0, 1, 0.5], [1, 0, 0.5]]
    assert cr.grad(np.min)(x).tolist() == [[1, 0, 0], [0, 0, 0]]
    assert cr.grad(np.ptp)(x)[0].tolist() == [-1, 0.25, 0.25]
    assert cr.grad(lambda x: np.maximum.reduce(x, axis=None))(x)[1, 0] == 0.25
    with pytest.warns(KinkWarning):
        assert not np.nan_to_num(cr.hessian(lambda v: np.max(v))(x[0])).any()
    for axis in (None, 0, 1, (0, 1)):
        pulled(lambda x, axis=axis: np.max(x, axis=axis), x)
        pulled(lambda x, axis=axis: np.amin(x, axis=axis, keepdims=True), x)


def test_extremes_with_nan_start_and_mask() -> None:
    _, pull = cr.vjp(np.max, np.array([1.0, NAN, 5.0, NAN]))
    assert pull(1.0)[0].tolist() == [0, 0.5, 0, 0.5]
    x = np.array([1.0, 4.0])
    assert cr.grad(lambda x: np.max(x, initial=2.0))(x).tolist() == [0, 1]
    assert cr.grad(lambda x: np.max(x, initial=4.0))(x).tolist() == [0, 0.5]
    assert cr.grad(lambda x: np.max(x, initial=9.0))(x).tolist() == [0, 0]
    assert cr.grad(lambda x: np.max(x, initial=2 * x[0] + 4))(x).tolist() == [2, 0]
    assert cr.grad(lambda x: np.min(x, where=[False, True], initial=INF))(x).tolist() == [0, 1]
    assert cr.grad(lambda x: np.max(x[:0], initial=1.0) + x[0])(x).tolist() == [1, 0]
    rows = lambda x: np.max(x[:0], initial=x[0, 0], axis=0).sum()  # noqa: E731
    assert cr.grad(rows)(X)[0].tolist() == [3, 0, 0]
    with pytest.raises(ValueError, match="identity"):
        cr.grad(lambda x: np.max(x[:0]))(x)
    with pytest.raises(ValueError, match="initial"):
        cr.grad(lambda x: np.max(x, where=[False, True]))(x)


def test_running_extremes() -> None:
    x = np.array([1.0, 3.0, 2.0, 3.0])
    assert cr.grad(lambda x: np.sum(np.maximum.accumulate(x)))(x).tolist() == [1, 2.5, 0, 0.5]
    assert cr.grad(lambda x: np.fmax.reduce(x))(np.array([1.0, NAN, 2.0])).tolist() == [0, 0, 1]
    g = cr.grad(lambda x: np.hypot.reduce(x))(np.array([3.0, 4.0, 12.0]))
    np.testing.assert_allclose(g, np.array([3.0, 4.0, 12.0]) / 13)


# --- NaN passed over ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [np.nansum, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin, np.nanprod,
     np.nancumsum, np.nancumprod],
)  # fmt: skip
def test_what_is_not_nan_counts(f: Any) -> None:
    x = np.array([[1.0, NAN, 2.5, -1.0], [NAN, 3.0, 0.5, 2.0]])
    for kwargs in ({}, {"axis": 1}):
        y, pull = cr.vjp(lambda x, kw=kwargs: f(x, **kw), x)
        np.testing.assert_allclose(y, f(x, **kwargs), rtol=1e-15)
        (g,) = pull(np.ones_like(y))
        assert np.isfinite(g).all()
        assert not g[np.isnan(x)].any()
    whole = np.where(np.isnan(x), 0.75, x)
    only = ~np.isnan(x)
    cr.check_grads(lambda w: f(np.where(only, w, NAN)), (whole,))
    cr.check_grads(lambda w: f(np.where(only, w, NAN), axis=0), (whole,))


def test_slices_of_nan_only() -> None:
    x = np.array([[1.0, NAN], [2.0, NAN]])
    for f in (np.nanmean, np.nanmax, np.nanmin, np.nanvar):
        with pytest.warns(RuntimeWarning):
            y, pull = cr.vjp(lambda x, f=f: f(x, axis=0), x)
        assert np.isnan(y).tolist() == [False, True]
        assert not pull(np.array([1.0, 0.0]))[0][:, 1].any()


# --- running sums and differences ---------------------------------------------------------------


def test_differences() -> None:
    x = np.array([1.0, 4.0, 9.0, 16.0])
    assert cr.jacobian(np.diff)(x).tolist() == [[-1, 1, 0, 0], [0, -1, 1, 0], [0, 0, -1, 1]]
    assert cr.grad(lambda p: np.sum(np.diff(x, prepend=p) ** 2))(0.5) == -1
    pulled(lambda x: np.diff(x, n=2, prepend=[0.0, 1.0], append=3.0), x)
    pulled(lambda x: np.diff(x, axis=0, prepend=X[:1]), X)
    pulled(lambda x: np.ediff1d(x, to_begin=[0.0, 1.0], to_end=x[0]), x)
    assert cr.grad(lambda x: np.diff(x > 2).sum() * x[0])(x).tolist() == [1, 0, 0, 0]
    for wrong in (lambda x: np.diff(x, n=-1), lambda x: np.diff(x[0])):
        with pytest.raises(ValueError, match=r"non-negative|one dimensional"):
            cr.grad(lambda x, f=wrong: np.sum(f(x)))(x)


def test_running_sums() -> None:
    assert cr.grad(lambda x: np.cumsum(x)[2])(X).tolist() == [[1, 1, 1], [0, 0, 0]]
    pulled(lambda x: np.cumsum(x, axis=-2), X)
    pulled(lambda x: np.add.accumulate(x, axis=1), X)
    y, pull = cr.vjp(lambda x: np.cumsum(x, dtype=np.float64), X.astype(np.float32))
    assert y.dtype == np.float64
    assert pull(y)[0].dtype == np.float32
    if hasattr(np, "cumulative_sum"):
        pulled(lambda x: np.cumulative_sum(x, axis=1, include_initial=True), X)
        pulled(lambda x: np.cumulative_prod(x, axis=0, include_initial=True), X)
        with pytest.raises(ValueError, match="axis is required"):
            cr.grad(lambda x: np.sum(np.cumulative_sum(x)))(X)


# --- norms --------------------------------------------------------------------------------------

ORDERS = [None, 1, 2, 3, 1.5, 0.5, 0, -1, INF, -INF]


@pytest.mark.parametrize("order", ORDERS)
def test_norms_of_vectors(order: Any) -> None:
    f = lambda x: np.linalg.norm(x, order)  # noqa: E731
    pulled(f, X[0])
    cr.check_grads(f, (X[0],))
    cr.check_grads(lambda x: np.linalg.norm(x, order, axis=1, keepdims=True), (X,))
    if order is None or order > 0.5:
        for zero in (np.zeros(3), np.zeros(1), np.zeros(3, np.float32)):
            g = cr.grad(f)(zero)
            assert g.dtype == zero.dtype
            assert not g.any()
            assert not cr.jacfwd(f)(zero).any()


@pytest.mark.parametrize("order", [None, "fro", "nuc", 1, -1, 2, -2, INF, -INF])
def test_norms_of_matrices(order: Any) -> None:
    f = lambda x: np.linalg.norm(x, order)  # noqa: E731
    pulled(f, X)
    cr.check_grads(f, (X,), order=1)
    batch = np.stack([X, 2 * X + 1])
    if order is not None:
        pulled(lambda x: np.linalg.norm(x, order, axis=(2, 1)), batch)
        pulled(lambda x: np.linalg.norm(x, order, axis=(0, 2), keepdims=True), batch)
    if order in (None, "fro", 1, INF):
        assert not cr.grad(f)(np.zeros((2, 3))).any()


def test_norms_of_other_things() -> None:
    z = np.array([3 + 4j, 1j])
    np.testing.assert_allclose(cr.grad(np.linalg.norm)(z), z.conj() / np.sqrt(26), rtol=1e-14)
    np.testing.assert_allclose(
        cr.grad(lambda z: np.linalg.norm(z, axis=0))(z), z.conj() / np.sqrt(26), rtol=1e-14
    )
    if hasattr(np.linalg, "vector_norm"):
        pulled(lambda x: np.linalg.vector_norm(x, axis=(0, 1), keepdims=True), X)
        pulled(lambda x: np.linalg.vector_norm(x, ord=INF), X)
        pulled(lambda x: np.linalg.matrix_norm(x, ord="nuc"), X)
    for order, axis in (("nuc", 0), ("other", None), (5, (0, 1)), (None, (0, 0))):
        with pytest.raises(ValueError, match=r"[Nn]orm|[Dd]uplicate|order"):
            cr.grad(lambda x, o=order, a=axis: np.sum(np.linalg.norm(x, o, axis=a)))(X)
    with pytest.raises(ValueError, match="dimensions"):
        cr.grad(lambda x: np.linalg.norm(x[None], 2))(X)


def test_reductions_refuse_nothing_silently() -> None:
    """A reduction of a traced array into a plain one is an error, never a plain number."""
    for f in (np.sum, np.mean, np.max, np.prod, np.cumsum):
        out = np.zeros_like(f(X, axis=0))
        with pytest.raises(ChainRuleError):
            cr.grad(lambda x, f=f, out=out: np.sum(f(x, axis=0, out=out)))(X)


# --- points between traced ends -------------------------------------------------------------------


def test_points_between_traced_ends() -> None:
    ends = np.array([1.0, 3.0])
    for f in (
        lambda x: np.linspace(x[0], x[1], 5), lambda x: np.linspace(0, x, 3, axis=1),
        lambda x: np.linspace(x[0], x[1], 4, endpoint=False, retstep=True)[0],
        lambda x: np.logspace(x[0], x[1], 3, base=2), lambda x: np.geomspace(x, -x[::-1] * -2, 4),
        lambda x: np.geomspace(-x, -2 * x, 3, axis=-1), lambda x: np.linspace(x[0], x[0], 3),
    ):  # fmt: skip
        pulled(f, ends)
        cr.check_grads(f, (ends,))
    with pytest.raises(ValueError, match="zero"):
        cr.grad(lambda x: np.sum(np.geomspace(x, 0.0, 3)))(1.0)
    with pytest.raises(ValueError, match="non-negative"):
        cr.grad(lambda x: np.sum(np.linspace(x, 0.0, -3)))(1.0)
    with pytest.raises(ChainRuleError, match="piecewise constant"):
        cr.grad(lambda x: np.sum(np.linspace(x, 9.0, 3, dtype=int)))(1.0)
    with pytest.raises(ChainRuleError, match="complex"):
        cr.grad(lambda x: np.sum(np.real(np.geomspace(x, 1j, 3))))(1.0)


def test_median_of_what_is_not_nan() -> None:
    x = np.array([[1.0, NAN, 2.5, -1.0], [NAN, 3.0, 0.5, 2.0], [NAN, NAN, NAN, 4.0]])
    for kwargs in ({}, {"axis": 1}, {"axis": 0, "keepdims": True}):
        y, pull = cr.vjp(lambda x, kw=kwargs: np.nanmedian(x, **kw), x)
        np.testing.assert_array_equal(y, np.nanmedian(x, **kwargs))
        assert np.isfinite(pull(np.ones_like(y))[0]).all()
    g = cr.vjp(lambda x: np.nanmedian(x, axis=1), x)[1](np.ones(3))[0]
    assert g.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]]
    with pytest.warns(RuntimeWarning):
        cr.vjp(np.nanmedian, np.full(2, NAN))

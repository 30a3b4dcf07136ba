"""Statistics of samples in `scipy.stats`: moments, scores, regressions, t-tests, kernel densities.

Each is a formula in NumPy, and its value is SciPy's own: so no option of SciPy's goes unnoticed.
Ranks and counts have no derivative: what is made of them alone is left to SciPy, and refused there.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....core.op import Composite, sample
from ....core.registry import register
from ....core.sequences import items
from ...declare import as_array
from ...numpy.arithmetic import sqrt_or_zero
from ...scaled import beyond, power_of_two, scaled
from ..common import as_computed, flows, plain, reader, refusal, settled

Values = dict[str, Any]


def _float(x: Any) -> Any:
    x = as_array(settled(x))
    if x.dtype.kind == "c":
        raise refusal("scipy.stats: a statistic of a sample", "complex data have no rule here",
                      "take the .real and the .imag of the data apart")  # fmt: skip
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def refuse_options(name: str, given: Values, **usual: Any) -> None:
    """Take options out of a call; refuse one that is not as usual."""
    for option, value in usual.items():
        if given.pop(option, value) != value:
            call = f"scipy.stats.{name}({option}=…)"
            raise refusal(call, "it has no rule", f"leave out {option}")


def _refuse_options(name: str, given: Values) -> None:
    method = given.get("method")
    refuse_options(name, {"method": method, **given}, nan_policy="propagate", method=None)
    given.pop("nan_policy", None)


_MEANS = ("gmean", "hmean", "pmean")  # homogeneous of degree 1, by powers of the data


def _statistic(
    name: str, formula: Callable[..., Any], *samples: Any, data: int = 1, floor: float = 1e-3
) -> None:
    """Register ``formula(*data, axis, **options)``; an axis None stands for all entries."""
    function = getattr(stats, name)
    read = reader(function)

    def body(*args: Any, **kwargs: Any) -> Any:
        given = read(args, kwargs)
        _refuse_options(name, given)
        xs = [given.pop(key) for key in list(given)[:data]]
        xs = [None if x is None else _float(x) for x in xs]
        options = {k: settled(v) for k, v in given.items()}
        moved = [k for k, v in options.items() if flows(v)]
        if moved:
            raise refusal(f"scipy.stats.{name}, in its argument {moved[0]},", "it has no rule",
                          f"where no derivative is meant, write ‹held {moved[0]}›")  # fmt: skip
        value = function(*map(plain, xs), **options)
        keep, axis = options.pop("keepdims", False), options.pop("axis")
        if axis is None:
            xs, axis = [x if x is None else np.ravel(x) for x in xs], 0
        if name in _MEANS:
            found = scaled(
                lambda x: formula(x, axis, **options), 1, *xs, axis=axis, least=name == "hmean",
                value=np.asarray(value),
            )  # fmt: skip
        else:
            found = formula(*xs, axis, **options)
        if keep:
            found = np.reshape(found, np.shape(value))
        return as_computed(found, np.asarray(value)[()], floor=floor)

    register(function, Composite(f"scipy.stats.{name}", body, function, samples))


def _central(x: Any, axis: int, order: int) -> Any:
    return np.mean((x - np.mean(x, axis=axis, keepdims=True)) ** order, axis=axis)


def _moment(x: Any, axis: int, order: Any = 1, center: Any = None) -> Any:
    if np.ndim(order):
        return np.stack([_moment(x, axis, k, center) for k in order])
    if order == 1 and center is None:
        return 0.0 * np.sum(x, axis=axis)
    middle = np.mean(x, axis=axis, keepdims=True) if center is None else center
    return np.mean((x - middle) ** int(order), axis=axis)


def _skew(x: Any, axis: int, bias: bool = True) -> Any:
    n, ratio = x.shape[axis], _central(x, axis, 3) / _central(x, axis, 2) ** 1.5
    return ratio if bias or n < 3 else np.sqrt(n * (n - 1.0)) / (n - 2.0) * ratio


def _kurtosis(x: Any, axis: int, fisher: bool = True, bias: bool = True) -> Any:
    n, ratio = x.shape[axis], _central(x, axis, 4) / _central(x, axis, 2) ** 2
    if not bias and n > 3:
        ratio = ((n * n - 1.0) * ratio - 3.0 * (n - 1.0) ** 2) / ((n - 2.0) * (n - 3.0)) + 3.0
    return ratio - 3.0 if fisher else ratio


def _zmap(scores: Any, compare: Any, axis: int, ddof: int = 0) -> Any:
    middle = np.mean(compare, axis=axis, keepdims=True)
    return (scores - middle) / np.std(compare, axis=axis, ddof=ddof, keepdims=True)


def _weighted(x: Any, axis: int, weights: Any) -> Any:
    return np.mean(x, axis=axis) if weights is None else np.average(x, axis, plain(weights))


def _gmean(x: Any, axis: int, dtype: Any = None, weights: Any = None) -> Any:
    return np.exp(_weighted(np.log(x), axis, weights))


def _hmean(x: Any, axis: int, dtype: Any = None, weights: Any = None) -> Any:
    return 1.0 / _weighted(1.0 / x, axis, weights)


def _iqr(
    x: Any, axis: int, rng: Any = (25, 75), scale: Any = 1.0, interpolation: str = "linear"
) -> Any:
    low, high = sorted(rng)
    spread = np.percentile(x, high, axis=axis, method=interpolation)
    spread = spread - np.percentile(x, low, axis=axis, method=interpolation)
    return spread / (_NORMAL_SPREAD if scale == "normal" else scale)


def _deviation(x: Any, axis: int, center: Any = None, scale: Any = 1.0) -> Any:
    center = center or np.median
    far = np.median(np.abs(x - np.expand_dims(center(x, axis=axis), axis)), axis=axis)
    return far / (_NORMAL_SPREAD / 2 if scale == "normal" else scale)


_NORMAL_SPREAD = 2.0 * float(special.ndtri(0.75))


def _trim_mean(x: Any, axis: int, proportiontocut: float = 0.0) -> Any:
    n = x.shape[axis]
    cut = int(proportiontocut * n)
    return np.mean(np.moveaxis(np.sort(x, axis=axis), axis, 0)[cut : n - cut], axis=0)


def _entropy(p: Any, q: Any, axis: int, base: Any = None) -> Any:
    p = p / np.sum(p, axis=axis, keepdims=True)
    if q is None:
        found = np.sum(special.entr(p), axis=axis)
    else:
        found = np.sum(special.rel_entr(p, q / np.sum(q, axis=axis, keepdims=True)), axis=axis)
    return found if base is None else found / np.log(base)


_statistic("moment", _moment, sample((5,), 3), sample((5, 2), 2, center=0.3))
_statistic("skew", _skew, sample((6,)), sample((6, 2), bias=False))
_statistic("kurtosis", _kurtosis, sample((6,)), sample((2, 6), 1, bias=False))
_statistic("zscore", lambda x, axis, ddof=0: _zmap(x, x, axis, ddof), sample((5,)), sample((4, 2)))
_statistic("zmap", _zmap, sample((3,), (5,)), data=2)
_statistic(
    "sem", lambda x, axis, ddof=1: np.std(x, axis=axis, ddof=ddof) / np.sqrt(x.shape[axis]),
    sample((5,)), sample((3, 4), None),
)  # fmt: skip
_statistic(
    "variation",
    lambda x, axis, ddof=0: np.std(x, axis=axis, ddof=ddof) / np.mean(x, axis=axis), sample((5,)),
)  # fmt: skip
_statistic("gmean", _gmean)
_statistic("hmean", _hmean)
_statistic("iqr", _iqr, sample((6,)))
_statistic("median_abs_deviation", _deviation, sample((5,)))
_statistic("trim_mean", _trim_mean, sample((6,), 0.2))
_statistic("entropy", _entropy, data=2)

# --- distances between two samples ----------------------------------------------------------------


def _between(name: str, height: Callable[[Any], Any], of_area: Callable[[Any], Any]) -> None:
    function = getattr(stats, name)

    def body(u_values: Any, v_values: Any, u_weights: Any = None, v_weights: Any = None) -> Any:
        u, v = np.ravel(_float(u_values)), np.ravel(_float(v_values))
        if flows(u_weights) or flows(v_weights):
            raise refusal(
                f"scipy.stats.{name}, in the weights,", "it has no rule",
                f"where no derivative is meant, write "
                f"‹held {'u_weights 2' if flows(u_weights) else 'v_weights 3'}›",
            )  # fmt: skip
        weights = [None if w is None else plain(w) for w in (u_weights, v_weights)]
        slopes, order = _slopes(height, plain(u), plain(v), *weights)
        found = of_area(np.sum(slopes[order] * np.sort(np.concatenate([u, v]), kind="stable")))
        return as_computed(found, np.asarray(function(plain(u), plain(v), *weights))[()])

    register(function, Composite(f"scipy.stats.{name}", body, function, (sample((4,), (5,)),)))


def _slopes(height: Any, u: Any, v: Any, u_weights: Any, v_weights: Any) -> tuple[Any, Any]:
    """Return the slope of the area ∫ height(F − G) in each value, and the order of the values.

    Where values of a sample tie, they move together, and each has its share of that by its weight;
    where values of both tie, the slopes to both sides are averaged.
    """
    p, q = (
        np.ones(x.size) if w is None else np.ravel(np.asarray(w, float))
        for x, w in ((u, u_weights), (v, v_weights))
    )
    p = np.append(p / np.sum(p), np.zeros(v.size))
    q = np.append(np.zeros(u.size), q / np.sum(q))
    both = np.concatenate([u, v])
    _, group = np.unique(both, return_inverse=True)
    up, down = np.bincount(group, p), np.bincount(group, q)
    after = np.cumsum(up - down)
    before = after - (up - down)
    ends = height(before) - height(after)
    apart = height(before + up) - height(before - down)
    of_u = (ends - apart) / 2.0 / np.where(up > 0, up, 1.0)
    of_v = (ends + apart) / 2.0 / np.where(down > 0, down, 1.0)
    return p * of_u[group] + q * of_v[group], np.argsort(both, kind="stable")


_between("wasserstein_distance", np.abs, lambda area: area)
_between("energy_distance", np.square, lambda area: sqrt_or_zero(2.0 * area))

# --- regressions and tests ------------------------------------------------------------------------


def _two_sided(t: Any, df: Any) -> Any:
    return 2.0 * special.stdtr(df, -np.abs(t))


def _test(name: str, formula: Callable[..., tuple[Any, ...]], make: Callable[..., Any]) -> None:
    """Register a test: `formula` gives statistic, p-value, …, and `make` SciPy's result of them."""
    function = getattr(stats, name)
    read = reader(function)

    def body(*args: Any, **kwargs: Any) -> Any:
        given = read(args, kwargs)
        _refuse_options(name, given)
        refuse_options(name, given, alternative="two-sided", keepdims=False)
        model = function(*map(_bare, args), **{k: _bare(v) for k, v in kwargs.items()})
        given.pop("method", None)
        found = formula(**given)
        pair = [as_computed(y, np.asarray(v)[()]) for y, v in zip(found[:2], model, strict=False)]
        return make(model, *pair, *found[2:])

    register(function, Composite(f"scipy.stats.{name}", body, None))


def _bare(value: Any) -> Any:
    parts = items(value)
    return plain(value) if parts is None else [_bare(v) for v in parts]


def _t_result(model: Any, t: Any, p: Any, df: Any, error: Any, estimate: Any) -> Any:
    return type(model)(
        t, p, df=df, alternative=np.asarray(0)[()], standard_error=error, estimate=estimate,
        statistic_np=plain(t), xp=np,
    )  # fmt: skip


def _ttest_1samp(a: Any, popmean: Any, axis: int = 0) -> tuple[Any, ...]:
    a = _float(a)
    a, axis = (np.ravel(a), 0) if axis is None else (a, axis)
    n, estimate = a.shape[axis], np.mean(a, axis=axis)
    error = np.std(a, axis=axis, ddof=1) / np.sqrt(n)
    t = (estimate - as_array(settled(popmean))) / error
    return t, _two_sided(t, n - 1.0), np.full(t.shape, n - 1.0)[()], error, estimate


def _ttest_rel(a: Any, b: Any, axis: int = 0) -> tuple[Any, ...]:
    return _ttest_1samp(_float(a) - _float(b), 0.0, axis)


def _ttest_ind(
    a: Any, b: Any, axis: int = 0, equal_var: bool = True, trim: float = 0
) -> tuple[Any, ...]:
    if trim:
        raise refusal("scipy.stats.ttest_ind(trim=…)", "it has no rule", "leave out trim")
    a, b = _float(a), _float(b)
    if axis is None:
        a, b, axis = np.ravel(a), np.ravel(b), 0
    n, m = a.shape[axis], b.shape[axis]
    va, vb = np.var(a, axis=axis, ddof=1) / n, np.var(b, axis=axis, ddof=1) / m
    if equal_var:
        df: Any = n + m - 2.0
        both = (va * n * (n - 1.0) + vb * m * (m - 1.0)) / df * (1.0 / n + 1.0 / m)
    else:
        both = va + vb
        df = both * both / (va * va / (n - 1.0) + vb * vb / (m - 1.0))
    error, estimate = np.sqrt(both), np.mean(a, axis=axis) - np.mean(b, axis=axis)
    t = estimate / error
    return t, _two_sided(t, df), df + np.zeros(t.shape)[()], error, estimate


def _f_oneway(samples: Any, axis: int = 0, equal_var: bool = True) -> tuple[Any, ...]:
    if not equal_var or axis is None:
        option = "axis" if equal_var else "equal_var"
        raise refusal(f"scipy.stats.f_oneway({option}=…)", "it has no rule", f"leave out {option}")
    parts = [np.moveaxis(_float(s), axis, 0) for s in samples]
    sizes = [p.shape[0] for p in parts]
    n, k = sum(sizes), len(parts)
    middle = sum(np.sum(p, axis=0) for p in parts) / n
    means = [np.mean(p, axis=0) for p in parts]
    outer: Any = sum(s * (m - middle) ** 2 for s, m in zip(sizes, means, strict=True))
    inner: Any = sum(np.sum((p - m) ** 2, axis=0) for p, m in zip(parts, means, strict=True))
    ratio = (outer / (k - 1.0)) / (inner / (n - k))
    return ratio, special.fdtrc(k - 1.0, n - k, ratio)


def _chisquare(
    f_obs: Any, f_exp: Any = None, ddof: Any = 0, axis: int = 0, sum_check: bool = True
) -> tuple[Any, ...]:
    seen = _float(f_obs)
    if axis is None:
        seen, axis = np.ravel(seen), 0
    want = np.mean(seen, axis=axis, keepdims=True) if f_exp is None else _float(f_exp)
    total = np.sum((seen - want) ** 2 / want, axis=axis)
    return total, special.chdtrc(seen.shape[axis] - 1.0 - ddof, total)


_TINY = 1e-20  # as in SciPy: points on a line have a finite t


def _line(x: Any, y: Any, axis: int = 0) -> tuple[Any, ...]:
    x, y = _float(x), _float(y)
    if x.ndim != 1 or y.shape != x.shape or x.shape[0] < 3:
        raise refusal("scipy.stats.linregress of stacks, or of two points", "it has no rule",
                      "fit one line at a time, of three points or more")  # fmt: skip
    dx, dy = x - np.mean(x), y - np.mean(y)
    xx, xy, yy = np.mean(dx * dx), np.mean(dx * dy), np.mean(dy * dy)
    r, df = xy / np.sqrt(xx * yy), x.shape[0] - 2.0
    r = as_computed(r, stats.linregress(plain(x), plain(y)).rvalue)  # 1 − r decides below
    t = r * np.sqrt(df / ((1.0 - r + _TINY) * (1.0 + r + _TINY)))
    slope, error = xy / xx, np.sqrt((1.0 - r * r) * yy / xx / df)
    start = np.mean(y) - slope * np.mean(x)
    return slope, start, r, _two_sided(t, df), error, error * np.sqrt(xx + np.mean(x) ** 2)


def _line_result(model: Any, slope: Any, start: Any, *rest: Any) -> Any:
    r, p, error, start_error = (
        as_computed(y, np.asarray(v)[()])
        for y, v in zip(rest, (*model[2:5], model.intercept_stderr), strict=True)
    )
    return type(model)(
        slope=slope, intercept=start, rvalue=r, pvalue=p, stderr=error, intercept_stderr=start_error
    )


def _pearson(x: Any, y: Any, axis: int = 0) -> tuple[Any, ...]:
    x, y = np.broadcast_arrays(_float(x), _float(y))
    if axis is None:
        x, y, axis = np.ravel(x), np.ravel(y), 0
    dx = x - np.mean(x, axis=axis, keepdims=True)
    dy = y - np.mean(y, axis=axis, keepdims=True)
    if beyond(dx, dy):  # r is that of any multiple
        dx, dy = (d / power_of_two(d, axis=axis, least=False) for d in (dx, dy))
    both = np.sum(dx * dx, axis=axis) * np.sum(dy * dy, axis=axis)
    r, n = np.sum(dx * dy, axis=axis) / np.sqrt(both), x.shape[axis]
    if n < 3:
        raise refusal("scipy.stats.pearsonr of two points", "it is 1 or -1", "take more points")
    half = n / 2.0 - 1.0
    return r, 2.0 * special.betainc(half, half, 0.5 - 0.5 * np.abs(r)), n, x, y, axis


def _pearson_result(model: Any, r: Any, p: Any, n: Any, x: Any, y: Any, axis: int) -> Any:
    return type(model)(
        statistic=r, pvalue=p, alternative="two-sided", n=np.asarray(float(n)), x=x, y=y, axis=axis
    )


def _pair(model: Any, statistic: Any, p: Any) -> Any:
    return type(model)(statistic, p)


_test("ttest_1samp", _ttest_1samp, _t_result)
_test("ttest_rel", _ttest_rel, _t_result)
_test("ttest_ind", _ttest_ind, _t_result)
_test("f_oneway", _f_oneway, _pair)
_test("chisquare", _chisquare, _pair)
_test("linregress", _line, _line_result)
_test("pearsonr", _pearson, _pearson_result)

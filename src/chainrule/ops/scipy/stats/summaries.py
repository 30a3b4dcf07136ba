"""Summaries and transformations of samples in `scipy.stats`: circular, trimmed, powers, bins.

Each is a formula in NumPy with SciPy's value (see `samples`). Which elements lie between limits, or
in a bin, is locally constant: nothing flows there.
"""

from typing import Any

import numpy as np
from scipy import special, stats

from ....core.op import Composite, sample
from ....core.registry import register
from ...declare import as_array
from ...numpy.arithmetic import sqrt_or_zero
from ..common import as_computed, flows, plain, reader, refusal, settled
from .samples import _float, _kurtosis, _skew, _statistic, refuse_options

# --- circular -------------------------------------------------------------------------------------

_TAU = 2 * np.pi


def _resultant(x: Any, axis: int, high: float, low: float) -> tuple[Any, Any]:
    turn = x * (_TAU / (high - low))
    return np.mean(np.sin(turn), axis=axis), np.mean(np.cos(turn), axis=axis)


def _circmean(x: Any, axis: int, high: float = _TAU, low: float = 0.0) -> Any:
    s, c = _resultant(x, axis, high, low)
    period = high - low
    return (np.arctan2(s, c) * (period / _TAU) - low) % period + low


def _length(x: Any, axis: int, high: float, low: float) -> Any:
    s, c = _resultant(x, axis, high, low)
    return np.sqrt(s * s + c * c)


def _circvar(x: Any, axis: int, high: float = _TAU, low: float = 0.0) -> Any:
    return 1.0 - _length(x, axis, high, low)


def _apart(x: Any, axis: int, high: float, low: float) -> Any:
    """Return 1 − R² for the length R, without cancellation: 0 where all angles are the same."""
    x = np.moveaxis(x, axis, 0)
    turn = (x - x[:1]) * (_TAU / (high - low))
    s, missing = np.mean(np.sin(turn), axis=0), 2.0 * np.mean(np.square(np.sin(turn / 2)), axis=0)
    return missing * (2.0 - missing) - s * s


def _circstd(
    x: Any, axis: int, high: float = _TAU, low: float = 0.0, normalize: bool = False
) -> Any:
    apart, length = _apart(x, axis, high, low), _length(x, axis, high, low)
    near = np.less(apart, 0.5)
    small = np.where(np.logical_and(near, np.greater(apart, 0)), apart, 0.0)
    logs = np.where(near, np.log1p(-small), 2.0 * np.log(np.where(near, 1.0, length)))
    found = sqrt_or_zero(-logs)
    return found if normalize else found * ((high - low) / _TAU)


_statistic("circmean", _circmean, sample((5,)))
_statistic("circvar", _circvar, sample((5,)))
_statistic(  # SciPy takes the root of a difference from 1: it is off by 1e-8 of the period
    "circstd", _circstd, sample((5,)), sample((5, 2), high=180.0, axis=0), floor=100.0
)

# --- between limits -------------------------------------------------------------------------------


def _inside(x: Any, limits: Any, inclusive: Any) -> Any:
    low, high = (None, None) if limits is None else limits
    inside = np.ones(np.shape(x), bool)
    if low is not None:
        inside &= np.greater_equal(x, low) if inclusive[0] else np.greater(x, low)
    if high is not None:
        inside &= np.less_equal(x, high) if inclusive[1] else np.less(x, high)
    return inside


def _tmean(x: Any, axis: int, limits: Any = None, inclusive: Any = (True, True)) -> Any:
    inside = _inside(x, limits, inclusive)
    return np.sum(np.where(inside, x, 0.0), axis=axis) / np.sum(inside, axis=axis)


def _tvar(
    x: Any, axis: int, limits: Any = None, inclusive: Any = (True, True), ddof: int = 1
) -> Any:
    inside = _inside(x, limits, inclusive)
    middle = np.expand_dims(_tmean(x, axis, limits, inclusive), axis)
    squares = np.where(inside, np.square(x - middle), 0.0)
    return np.sum(squares, axis=axis) / (np.sum(inside, axis=axis) - ddof)


def _tstd(x: Any, axis: int, *options: Any, **more: Any) -> Any:
    return np.sqrt(_tvar(x, axis, *options, **more))


def _tsem(x: Any, axis: int, limits: Any = None, inclusive: Any = (True, True), **more: Any) -> Any:
    count = np.sum(_inside(x, limits, inclusive), axis=axis)
    return _tstd(x, axis, limits, inclusive, **more) / np.sqrt(count)


_statistic("tmean", _tmean, sample((5,)), sample((6,), (-1.0, 2.0)))
_statistic("tvar", _tvar, sample((5,)), sample((6, 2), (-1.0, None)))
_statistic("tstd", _tstd, sample((5,)))
_statistic("tsem", _tsem, sample((5,)))

# --- powers ---------------------------------------------------------------------------------------


def _pmean(x: Any, axis: int, p: Any = 1, dtype: Any = None, weights: Any = None) -> Any:
    if p == 0:
        return np.exp(_average(np.log(x), axis, weights))
    return _average(x**p, axis, weights) ** (1.0 / p)


def _average(x: Any, axis: int, weights: Any) -> Any:
    return np.mean(x, axis=axis) if weights is None else np.average(x, axis, plain(weights))


_statistic("pmean", _pmean)
_statistic(
    "gstd", lambda x, axis, ddof=1: np.exp(np.std(np.log(x), axis=axis, ddof=ddof))
)  # fmt: skip


def _yeo_johnson(x: Any, power: Any) -> Any:
    above = np.greater_equal(x, 0)
    up, down = np.where(above, x, 0.0), np.where(above, 0.0, -x)
    return np.where(above, special.boxcox1p(up, power), -special.boxcox1p(down, 2.0 - power))


def _llf(name: str, transform: Any, slope: Any) -> None:
    """Register a log-likelihood of a transformation's power; its two arguments may be traced."""
    function = getattr(stats, name)
    read = reader(function)

    def body(*args: Any, **kwargs: Any) -> Any:
        given = read(args, kwargs)
        refuse_options(name, given, nan_policy="propagate", keepdims=False)
        power, data, axis = as_array(given["lmb"]), _float(given["data"]), given.get("axis", 0)
        n = data.shape[axis]
        spread = np.log(np.var(transform(data, power), axis=axis))
        found = (power - 1.0) * np.sum(slope(data), axis=axis) - 0.5 * n * spread
        value = function(plain(given["lmb"]), plain(data), axis=axis)
        return as_computed(found, np.asarray(value)[()])

    register(function, Composite(f"scipy.stats.{name}", body, function))


_llf("boxcox_llf", special.boxcox, np.log)
_llf("yeojohnson_llf", _yeo_johnson, lambda x: np.sign(x) * np.log1p(np.abs(x)))


def _transformed(name: str, transform: Any) -> None:
    function = getattr(stats, name)

    def body(x: Any, lmbda: Any = None, **options: Any) -> Any:
        if settled(lmbda) is None or any(v is not None for v in options.values()):
            raise refusal(
                f"scipy.stats.{name} without a given lmbda",
                "it searches for the power of greatest likelihood",
                f"give the power: scipy.stats.{name}(‹x 0›, lmbda), with lmbda of scipy.stats."
                f"{name}_normmax(chainrule.stop_gradient(‹x 0›)) where it is held fixed",
            )  # fmt: skip
        found = transform(_float(x), as_array(lmbda))
        return as_computed(found, np.asarray(function(plain(x), plain(lmbda)))[()])

    register(function, Composite(f"scipy.stats.{name}", body, function))


_transformed("boxcox", special.boxcox)
_transformed("yeojohnson", _yeo_johnson)

# --- several numbers at once ----------------------------------------------------------------------


def _describe(a: Any, axis: Any = 0, ddof: int = 1, bias: bool = True, **options: Any) -> Any:
    x = _float(a)
    refuse_options("describe", options, nan_policy="propagate")
    x, axis = (np.ravel(x), 0) if axis is None else (x, axis)
    model = stats.describe(plain(x), axis, ddof, bias)
    ends = np.min(x, axis=axis), np.max(x, axis=axis)
    found = (
        np.mean(x, axis=axis), np.var(x, axis=axis, ddof=ddof), _skew(x, axis, bias),
        _kurtosis(x, axis, True, bias),
    )  # fmt: skip
    values = (np.asarray(v)[()] for v in model[2:])
    return type(model)(model.nobs, ends, *map(as_computed, found, values))


register(stats.describe, Composite("scipy.stats.describe", _describe, None))


def _jarque_bera(x: Any, *, axis: Any = None, **options: Any) -> Any:
    refuse_options("jarque_bera", options, nan_policy="propagate", keepdims=False)
    x = _float(x)
    model = stats.jarque_bera(plain(x), axis=axis)
    x, axis = (np.ravel(x), 0) if axis is None else (x, axis)
    found = x.shape[axis] / 6.0 * (_skew(x, axis) ** 2 + _kurtosis(x, axis) ** 2 / 4.0)
    found = as_computed(found, np.asarray(model.statistic)[()])
    return type(model)(found, as_computed(np.exp(-0.5 * found), np.asarray(model.pvalue)[()]))


register(stats.jarque_bera, Composite("scipy.stats.jarque_bera", _jarque_bera, None))

_OF_BIN = {
    "mean": np.mean, "sum": np.sum, "std": np.std, "median": np.median, "min": np.min,
    "max": np.max,
}  # fmt: skip


def _binned_statistic(
    x: Any, values: Any, statistic: Any = "mean", bins: Any = 10, range: Any = None
) -> Any:
    """Return a statistic of the values in each bin; the bins stay where they are."""
    if flows(x) and range is None and np.ndim(plain(bins)) == 0:
        raise refusal(
            "scipy.stats.binned_statistic, in positions that choose the bins,",
            "the edges hang on the smallest and the largest position",
            "give the edges: bins=np.linspace(a, b, n), or range=(a, b)",
        )  # fmt: skip
    if flows(bins) or statistic == "count" or np.ndim(plain(values)) != 1:
        raise refusal(
            "scipy.stats.binned_statistic of this form", "it has no rule",
            "trace one array of values, and ask for mean, sum, std, median, min or max",
        )  # fmt: skip
    values = _float(values)
    of = statistic if callable(statistic) else _OF_BIN[statistic]
    model = stats.binned_statistic(
        plain(as_array(x)), plain(values), of if callable(statistic) else statistic, plain(bins),
        range,
    )  # fmt: skip
    parts = [np.flatnonzero(model.binnumber == k + 1) for k in np.arange(len(model.statistic))]
    found = [of(values[p]) if p.size else value for p, value in zip(parts, model.statistic,
                                                                    strict=True)]  # fmt: skip
    statistic = as_computed(np.stack(found), model.statistic)
    return type(model)(statistic, model.bin_edges, model.binnumber)


register(stats.binned_statistic, Composite("scipy.stats.binned_statistic", _binned_statistic, None))
_fits = {
    vars(kind)["fit"]: kind.__name__
    for dist in vars(stats).values() if isinstance(dist, stats.rv_continuous)
    for kind in type(dist).__mro__ if "fit" in vars(kind)
}  # fmt: skip
_FORMULAS = {  # the greatest likelihood that needs no search
    "norm": lambda x: (np.mean(x), np.std(x)),
    "expon": lambda x: (np.min(x), np.mean(x) - np.min(x)),
    "uniform": lambda x: (np.min(x), np.ptp(x)),
    "laplace": lambda x: (np.median(x), np.mean(np.abs(x - np.median(x)))),
}


def _fitted(self: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
    """Fit by a formula, or refuse to search, with a search as cure that is differentiated."""
    if self.name in _FORMULAS and not args and not kwargs:
        x = _float(data)
        pairs = zip(_FORMULAS[self.name](x), self.fit(plain(x)), strict=True)
        return tuple(as_computed(found, value) for found, value in pairs)
    names = [*(self.shapes.split(", ") if self.shapes else ()), "loc", "scale"]
    fixed = {
        k: kwargs[f] for k, name in enumerate(names)
        for f in (f"f{name}", f"f{k}", f"fix_{name}") if kwargs.get(f) is not None
    }  # fmt: skip
    free = [k for k in range(len(names)) if k not in fixed]
    theta, start = "*theta", "‹self›.fit(chainrule.stop_gradient(‹data 0›))"
    if fixed:
        theta = ", ".join(
            f"{fixed[k]}" if k in fixed else f"theta[{free.index(k)}]" for k in range(len(names))
        )
        options = ", ".join(f"{k}={v}" for k, v in kwargs.items())
        start = f"np.array({start[:-1]}, {options}))[{free}]"
    raise refusal(
        f"scipy.stats.{self.name}.fit", "it searches for the greatest likelihood",
        f"write scipy.optimize.minimize(lambda theta: -‹self›.logpdf(‹data 0›, {theta}).sum(), "
        f"{start}).x, which starts at the answer",
    )  # fmt: skip


for _fit, _name in _fits.items():
    _full = f"scipy.stats.{_name.removesuffix('_gen')}.fit"
    register(_fit, Composite(_full, _fitted, None))

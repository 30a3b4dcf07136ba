"""Distributions of `scipy.stats`, by the methods of their classes. Loaded with `scipy.stats`.

The body of a method reduces location and scale in NumPy and asks the distribution's standard form.
What that is, is found in this order: a formula of our own (`stats_formulas`), SciPy's own formula
(`_logpdf`, `_cdf`, …), run on the traced values; what neither gives is refused. In x alone a
distribution function always has its derivative, the density; a quantile has that of the inverse.

Outside the support the density is 0 and its logarithm −∞, both with a gradient of 0; an invalid
shape or scale gives NaN, as in SciPy.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from ..core.op import Composite, Notation, Op
from ..core.registry import add, register
from ..core.slots import INDEX, Partial
from ..errors import ChainRuleError, UnsupportedFunctionError
from .declare import as_array
from .stats_formulas import FORMULAS

Formula = Callable[..., Any]
_PLAIN = (np.ndarray, float, int, bool)
_SHAPES = 6  # no distribution has as many shapes
_LEAST = {"logpdf": -np.inf, "logpmf": -np.inf}


def is_plain(value: Any) -> bool:
    """Say whether a value is a number or array of NumPy, and nothing that stands for one."""
    return type(value) in _PLAIN or issubclass(type(value), np.generic)


def refusal(dist: Any, method: str, cause: Exception | None = None) -> UnsupportedFunctionError:
    """Return the error for a method of a distribution that has no derivative in its shapes."""
    return UnsupportedFunctionError(
        f"scipy.stats.{dist.name}.{method} has no derivative rule in the traced arguments",
        why="no formula for it is known here, and SciPy's own code takes plain numbers only"
        + (f" ({str(cause).splitlines()[0]})" if cause is not None else ""),
        cure="write the formula with NumPy and scipy.special, or pass the shapes as plain numbers, "
        "chainrule.stop_gradient(shape)",
    )


# --- standard forms -------------------------------------------------------------------------------


def _first(dist: Any, method: str, formulas: list[Formula], args: tuple[Any, ...]) -> Any:
    """Return what the first of the formulas gives that takes traced values."""
    cause: Exception | None = None
    with np.errstate(all="ignore"):
        for formula in formulas:
            try:
                result = formula(*args)
            except (ChainRuleError, TypeError, ValueError, AttributeError) as error:
                cause = error
                continue
            if not is_plain(result):
                return result
    raise refusal(dist, method, cause) from cause


def _own(dist: Any, name: str, base: type) -> list[Formula]:
    """Return the distribution's own formula, unless it is the general one of the base class."""
    if getattr(type(dist), name, None) is getattr(base, name):
        return []
    return [getattr(dist, name)]


def _log_density(dist: Any, x: Any, *shapes: Any) -> Any:
    if all(map(is_plain, (x, *shapes))):
        return dist._logpdf(x, *shapes)
    formulas = [f for f in [FORMULAS.get(dist.name, {}).get("logpdf")] if f]
    formulas += _own(dist, "_logpdf", stats.rv_continuous)
    formulas += [lambda *a, f=f: np.log(f(*a)) for f in _own(dist, "_pdf", stats.rv_continuous)]
    return _first(dist, "logpdf", formulas, (x, *shapes))


def _density(dist: Any, x: Any, *shapes: Any) -> Any:
    if all(map(is_plain, (x, *shapes))):
        return dist._pdf(x, *shapes)
    formulas = [f for f in [FORMULAS.get(dist.name, {}).get("pdf")] if f]
    formulas += _own(dist, "_pdf", stats.rv_continuous)
    found = FORMULAS.get(dist.name, {}).get("logpdf")
    if found is not None:
        formulas.insert(0, lambda *a: np.exp(found(*a)))
    formulas += [lambda *a, f=f: np.exp(f(*a)) for f in _own(dist, "_logpdf", stats.rv_continuous)]
    return _first(dist, "pdf", formulas, (x, *shapes))


def _refused_shape(method: str) -> Partial:
    def rule(_y: Any, _x: Any, *_shapes: Any, dist: Any) -> Any:
        raise refusal(dist, method)

    return Partial(rule)


def _in_x(name: str, slope: Formula, words: str) -> Op:
    """Declare a method as a function of x, for shapes through which nothing flows."""
    op = Op(
        f"stats_{name}",
        lambda x, *shapes, dist: getattr(dist, f"_{name}")(x, *shapes),
        (Partial(slope), *[_refused_shape(name)] * _SHAPES),
        variadic=True,
        notation=Notation(rule=words),
    )
    add(op)
    return op


def _with_x(y: Any, x: Any, *shapes: Any, dist: Any) -> Any:
    return _density(dist, x, *shapes)


_CUMULATIVE = {
    "cdf": _in_x("cdf", lambda _y, x, *s, dist: _density(dist, x, *s), "d F(u) = f(u) du"),
    "sf": _in_x("sf", lambda _y, x, *s, dist: -_density(dist, x, *s), "d (1 − F(u)) = −f(u) du"),
    "logcdf": _in_x(
        "logcdf", lambda y, x, *s, dist: np.exp(_log_density(dist, x, *s) - y),
        "d log F(u) = f(u)/F(u) du",
    ),
    "logsf": _in_x(
        "logsf", lambda y, x, *s, dist: -np.exp(_log_density(dist, x, *s) - y),
        "d log(1 − F(u)) = −f(u)/(1 − F(u)) du",
    ),
}  # fmt: skip
_QUANTILE = {
    "ppf": _in_x("ppf", lambda y, _q, *s, dist: 1.0 / _density(dist, y, *s), "d F⁻¹(q) = dq/f"),
    "isf": _in_x("isf", lambda y, _q, *s, dist: -1.0 / _density(dist, y, *s), "d x = −dq/f"),
}


def _constant(name: str, value: Formula, outputs: int = 0) -> Op:
    op = Op(f"stats_{name}", value, (INDEX,), variadic=True, outputs=outputs)
    add(op)
    return op


_valid = _constant("valid", lambda *shapes, dist: np.asarray(dist._argcheck(*shapes)))
_inside = _constant(
    "inside",
    lambda x, *shapes, dist: np.asarray(dist._support_mask(x, *shapes)),
)
_nothing = _constant("value", lambda x: x)
_plain_quantile = _constant(
    "quantile", lambda q, *shapes, dist, name: getattr(dist, f"_{name}")(q, *shapes)
)


def _end(which: int) -> Op:
    def refused(_y: Any, *_shapes: Any, dist: Any) -> Any:
        raise refusal(dist, "ppf at the end of the support")

    op = Op(
        f"stats_end{which}", lambda *shapes, dist: np.asarray(dist._get_support(*shapes)[which]),
        tuple([Partial(refused)] * _SHAPES), variadic=True, notation=Notation(rule="refused"),
    )  # fmt: skip
    add(op)
    return op


_ENDS = (_end(0), _end(1))


def _general(dist: Any, method: str) -> bool:
    return getattr(type(dist), f"_{method}") is getattr(stats.rv_continuous, f"_{method}")


def _cumulative(dist: Any, method: str, x: Any, *shapes: Any) -> Any:
    """Return cdf, sf or the logarithm of one, in standard form."""
    if all(map(is_plain, shapes)):
        return _CUMULATIVE[method](x, *shapes, dist=dist)
    own = FORMULAS.get(dist.name, {})
    formulas = [own[method]] if method in own else []
    formulas += _own(dist, f"_{method}", stats.rv_continuous)
    log, plain = method.startswith("log"), method.removeprefix("log")
    if log:
        formulas.append(lambda *a: np.log(_cumulative(dist, plain, *a)))
    elif "sf" in own and method == "cdf":
        formulas.append(lambda *a: 1.0 - own["sf"](*a))
    elif "cdf" in own and method == "sf":
        formulas.append(lambda *a: 1.0 - own["cdf"](*a))
    else:
        other = "sf" if method == "cdf" else "cdf"
        formulas += [lambda *a, f=f: 1.0 - f(*a) for f in _own(dist, f"_{other}", stats.rv_continuous)]
    return _first(dist, method, formulas, (x, *shapes))


def _quantile(dist: Any, method: str, q: Any, *shapes: Any) -> Any:
    """Return ppf or isf, in standard form.

    With traced shapes and no formula three steps of Newton's method are taken from the value that
    SciPy finds. They change nothing but rounding, and leave the derivatives right up to the
    seventh order.
    """
    if all(map(is_plain, shapes)):
        return _QUANTILE[method](q, *shapes, dist=dist)
    start = _plain_quantile(q, *shapes, dist=dist, name=method)
    y, sign = start, 1.0 if method == "ppf" else -1.0
    base = "cdf" if method == "ppf" else "sf"
    for _ in range(3):
        y = y - sign * (_cumulative(dist, base, y, *shapes) - q) / _density(dist, y, *shapes)
    return y + _nothing(start - y)


# --- the methods ------------------------------------------------------------------------------------


def _parse(self: Any, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], Any, Any]:
    shapes, loc, scale = self._parse_args(*args, **kwargs)
    return tuple(as_array(s) for s in shapes), as_array(loc), as_array(scale)


def _double(x: Any) -> Any:
    return x.astype(np.float64) if x.dtype != np.float64 else x


def _positive(scale: Any) -> Any:
    return np.greater(scale, 0)


def _method(name: str) -> None:
    """Let a method in x be computed in standard form, at (x − loc)/scale."""

    def body(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        shapes, loc, scale = _parse(self, args, kwargs)
        z = _double((as_array(x) - loc) / scale)
        valid = np.logical_and(_valid(*shapes, dist=self), _positive(scale))
        open_ = np.logical_and(np.greater(z, _ENDS_PLAIN[0](self, shapes)), np.less(z, _ENDS_PLAIN[1](self, shapes)))
        inside = open_ if name in _CUMULATIVE else np.logical_and(_inside(z, *shapes, dist=self), True)
        safe = np.where(np.logical_and(valid, inside), z, _somewhere(self, shapes))
        if name == "logpdf":
            y, outside = _log_density(self, safe, *shapes) - np.log(scale), -np.inf
        elif name == "pdf":
            y, outside = _density(self, safe, *shapes) / scale, 0.0
        else:
            y = _cumulative(self, name, safe, *shapes)
            below = np.less_equal(z, _ENDS_PLAIN[0](self, shapes))
            ends = {"cdf": (0.0, 1.0), "sf": (1.0, 0.0), "logcdf": (-np.inf, 0.0), "logsf": (0.0, -np.inf)}
            outside = np.where(below, *ends[name])
        y = np.where(inside, y, outside)
        return np.where(np.logical_and(valid, np.equal(z, z)), y, np.nan)[()]

    body.__name__ = name
    function = getattr(stats.rv_continuous, name)
    register(function, Composite(f"rv_continuous.{name}", body, function))

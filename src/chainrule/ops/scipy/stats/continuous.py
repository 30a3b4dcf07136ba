"""Continuous distributions of `scipy.stats`, by the methods of their base class.

A method reduces location and scale in NumPy and asks for the distribution's standard form: a
formula of our own, or SciPy's own one (`_logpdf`, `_cdf`, …) run on the traced values. In x alone a
distribution function always has its derivative, the density, and a quantile that of the inverse.
What no formula gives is refused. Outside the support the density is 0 and its logarithm −∞, both
with a gradient of 0; an invalid shape or scale gives NaN, as in SciPy.
"""

import functools
from typing import Any

import numpy as np
from scipy import stats

from ....core.op import Composite, Notation, Op
from ....core.registry import add, register
from ....core.slots import INDEX, Partial
from ....errors import ChainRuleError, UnsupportedFunctionError
from ...declare import as_array
from ..common import as_computed, computed_from, constant_of
from .closed import SIDES
from .densities import FORMULAS, Formula
from .integrals import both_sides, quantile

_PLAIN = (np.ndarray, float, int, bool)


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN or issubclass(type(value), np.generic)


def _refusal(dist: Any, method: str, cause: Exception | None = None) -> UnsupportedFunctionError:
    return UnsupportedFunctionError(
        f"scipy.stats.{dist.name}.{method} has no derivative rule in the traced arguments",
        why="no formula for it is known here, and SciPy's own code takes plain numbers only"
        + (f" ({str(cause).splitlines()[0]})" if str(cause or "") else ""),
        cure=cause.cure
        if isinstance(cause, UnsupportedFunctionError)
        else "write the formula with NumPy and scipy.special; where no derivative is meant, write "
        "‹held›",
    )


def _first(dist: Any, method: str, formulas: list[Formula], args: tuple[Any, ...]) -> Any:
    """Return what the first of the formulas gives that takes traced values."""
    cause: Exception | None = None
    for formula in formulas:
        try:
            with np.errstate(all="ignore"):
                result = formula(*args)
        except (ChainRuleError, TypeError, ValueError, AttributeError) as error:
            if not isinstance(cause, UnsupportedFunctionError):
                cause = error
            continue
        if not _is_plain(result):
            return result
    raise _refusal(dist, method, cause) from cause


def _own(dist: Any, name: str) -> list[Formula]:
    """Return the distribution's own formula, unless it is the general one of the base class."""
    if getattr(type(dist), name, None) is getattr(stats.rv_continuous, name):
        return []
    return [getattr(dist, name)]


def _log_density(dist: Any, x: Any, *shapes: Any) -> Any:
    if all(map(_is_plain, (x, *shapes))):
        return dist._logpdf(x, *shapes)
    formulas = [FORMULAS[dist.name]] if dist.name in FORMULAS else []
    formulas += _own(dist, "_logpdf")
    formulas += [lambda *a, f=f: np.log(f(*a)) for f in _own(dist, "_pdf")]  # type: ignore[misc]
    return _first(dist, "logpdf", formulas, (x, *shapes))


def _density(dist: Any, x: Any, *shapes: Any) -> Any:
    if all(map(_is_plain, (x, *shapes))):
        return dist._pdf(x, *shapes)
    formulas = [] if dist.name in FORMULAS else _own(dist, "_pdf")
    return _first(dist, "pdf", [*formulas, lambda *a: np.exp(_log_density(dist, *a))], (x, *shapes))


def _of_array(function: Formula, x: Any, shapes: Any) -> Any:
    """Call SciPy's formula with an array of at least one axis, as SciPy does."""
    arrays = [a.copy() for a in np.broadcast_arrays(np.atleast_1d(x), *shapes)]
    result = np.asarray(function(*arrays))
    shape = np.broadcast_shapes(np.shape(x), *map(np.shape, shapes))
    return np.broadcast_to(result, np.broadcast_shapes(result.shape, shape)).reshape(shape)[()]


class Standard:
    """A distribution with plain shapes, at location 0 and scale 1, as a param."""

    __slots__ = ("dist", "shapes")

    def __init__(self, dist: Any, shapes: tuple[Any, ...]) -> None:
        self.dist, self.shapes = dist, shapes

    def __call__(self, method: str, x: Any) -> Any:
        """Return SciPy's value of a method."""
        return _of_array(getattr(self.dist, f"_{method}"), x, self.shapes)

    def density(self, x: Any) -> Any:
        """Return the density, also at traced x."""
        return _density(self.dist, x, *self.shapes)

    def quotient(self, x: Any, log: Any) -> Any:
        """Return the density over a probability that is given by its logarithm."""
        return np.exp(_log_density(self.dist, x, *self.shapes) - log)


def _in_x(name: str, slope: Formula, words: str) -> Op:
    """Declare a method as a function of x, for shapes through which nothing flows."""
    op = Op(
        f"stats_{name}", lambda x, of: of(name, x), (Partial(slope),), notation=Notation(rule=words)
    )
    add(op)
    return op


_IN_X = {
    "cdf": _in_x("cdf", lambda _y, x, of: of.density(x), "d F(u) = f(u) du"),
    "sf": _in_x("sf", lambda _y, x, of: -of.density(x), "d (1 − F(u)) = −f(u) du"),
    "logcdf": _in_x("logcdf", lambda y, x, of: of.quotient(x, y), "d log F(u) = f(u)/F(u) du"),
    "logsf": _in_x(
        "logsf", lambda y, x, of: -of.quotient(x, y), "d log(1 − F(u)) = −f(u)/(1 − F(u)) du"
    ),
    "ppf": _in_x("ppf", lambda y, _q, of: 1.0 / of.density(y), "d F⁻¹(q) = dq/f"),
    "isf": _in_x("isf", lambda y, _q, of: -1.0 / of.density(y), "d x = −dq/f"),
}  # fmt: skip
_BY_ANOTHER: dict[str, Formula] = {  # what SciPy computes where a distribution says no more
    "sf": lambda dist, x, *shapes: 1.0 - _standard(dist, "cdf", x, *shapes),
    "logcdf": lambda dist, x, *shapes: np.log(_standard(dist, "cdf", x, *shapes)),
    "logsf": lambda dist, x, *shapes: np.log(_standard(dist, "sf", x, *shapes)),
    "isf": lambda dist, q, *shapes: _first(dist, "ppf", _own(dist, "_ppf"), (1.0 - q, *shapes)),
}
_standard_value = constant_of(
    "stats_standard_value",
    lambda x, *shapes, dist, method: Standard(dist, shapes)(method, x),
    batch="elementwise",
)


def _standard(dist: Any, method: str, x: Any, *shapes: Any) -> Any:
    """Compute a method for location 0 and scale 1."""
    if method == "pdf":
        return _density(dist, x, *shapes)
    if method == "logpdf":
        return _log_density(dist, x, *shapes)
    if all(map(_is_plain, shapes)):
        if method.startswith("log") and _own(dist, f"_{method}"):
            try:  # a logarithm that SciPy forms without the tail itself has its own digits far out
                return _first(dist, method, _own(dist, f"_{method}"), (x, *shapes))
            except UnsupportedFunctionError:
                pass
        x = np.broadcast_to(x, np.broadcast_shapes(np.shape(x), *map(np.shape, shapes)))
        return _IN_X[method](x, of=Standard(dist, shapes))
    try:
        return _first(dist, method, _own(dist, f"_{method}"), (x, *shapes))
    except UnsupportedFunctionError:
        found = _by_another(dist, method, x, *shapes)
    return as_computed(found, _standard_value(x, *shapes, dist=dist, method=method))


def _by_another(dist: Any, method: str, x: Any, *shapes: Any) -> Any:
    """Compute a method that the distribution has no formula for, by others or by integrals."""
    if method in _BY_ANOTHER and (method == "isf" or _own(dist, "_cdf")):
        try:
            return _BY_ANOTHER[method](dist, x, *shapes)
        except UnsupportedFunctionError:
            pass
    try:
        with np.errstate(all="ignore"):
            if method in ("ppf", "isf"):
                root = _standard_value(x, *shapes, dist=dist, method=method)
                return quantile(
                    dist, functools.partial(_sides, dist), functools.partial(_density, dist), x,
                    root, shapes, method == "isf",
                )  # fmt: skip
            below, above = (
                SIDES[dist.name](x, *shapes) if dist.name in SIDES else
                both_sides(dist, functools.partial(_density, dist), x, shapes)
            )  # fmt: skip
    except (ChainRuleError, TypeError, ValueError, AttributeError) as error:
        raise _refusal(dist, method, error) from error
    found = below if method in ("cdf", "logcdf") else above
    return np.log(found) if method.startswith("log") else found


def _sides(dist: Any, x: Any, *shapes: Any) -> tuple[Any, Any]:
    """Return F and 1 − F."""
    return _standard(dist, "cdf", x, *shapes), _standard(dist, "sf", x, *shapes)


def _constant(name: str, value: Formula) -> Op:
    op = Op(f"stats_{name}", value, (INDEX,), variadic=True, batch="elementwise")
    add(op)
    return op


_valid = _constant("valid", lambda *shapes, dist: np.asarray(dist._argcheck(*shapes)))
_inside = _constant(
    "inside", lambda x, *shapes, dist: np.asarray(dist._open_support_mask(x, *shapes))
)
_above = _constant(
    "above", lambda x, *shapes, dist: np.greater_equal(x, dist._get_support(*shapes)[1])
)


def _within(dist: Any, name: str, z: Any, *shapes: Any) -> Any:
    """Say whether z lies in the support, with its ends where SciPy evaluates a density there.

    Where the support stands still that is a comparison, whose place in an integrand moves with z.
    """
    if not _stands_still(dist):
        return _inside(z, *shapes, dist=dist)
    less = np.less_equal if name in ("pdf", "logpdf") else np.less
    return np.logical_and(less(dist.a, z), less(z, dist.b))


def _beyond(dist: Any, z: Any, *shapes: Any) -> Any:
    if not _stands_still(dist):
        return _above(z, *shapes, dist=dist)
    return np.greater_equal(z, dist.b)


def _stands_still(dist: Any) -> bool:
    fixed = type(dist)._get_support is stats.rv_continuous._get_support
    return fixed and bool(np.isfinite(dist.a) or np.isfinite(dist.b))


_middle = _constant("middle", lambda *shapes, dist: np.asarray(dist._ppf(0.5, *shapes)))
_value = constant_of(
    "stats_value",
    lambda x, loc, scale, *shapes, dist, method: getattr(dist, method)(
        x, *shapes, loc=loc, scale=scale
    ),
    batch="elementwise",
)
_ENDS = {
    "pdf": (0.0, 0.0), "logpdf": (-np.inf, -np.inf), "cdf": (0.0, 1.0), "sf": (1.0, 0.0),
    "logcdf": (-np.inf, 0.0), "logsf": (0.0, -np.inf),
}  # fmt: skip


def _parse(self: Any, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], Any, Any]:
    shapes, loc, scale = self._parse_args(*args, **kwargs)
    return tuple(as_array(s) for s in shapes), as_array(loc), as_array(scale)


def _at_x(name: str) -> None:
    """Register a method whose argument lies on the axis of x."""

    def body(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        shapes, loc, scale = _parse(self, args, kwargs)
        z = (as_array(x) - loc) / scale
        valid = np.logical_and(_valid(*shapes, dist=self) if shapes else True, np.greater(scale, 0))
        inside = np.logical_and(_within(self, name, z, *shapes), valid)
        safe = np.where(inside, z, _middle(*shapes, dist=self) if shapes else self._ppf(0.5))
        y = _standard(self, name, safe, *shapes)
        y = y / scale if name == "pdf" else y - np.log(scale) if name == "logpdf" else y
        below, above = _ENDS[name]
        if below != above or not np.all(np.isfinite(below)) or name in ("pdf", "logpdf"):
            edge = np.where(_beyond(self, z, *shapes), above, below)
            y = np.where(inside, y, edge)
        y = np.where(np.logical_and(valid, np.equal(z, z)), y, np.nan)[()]
        if name not in ("pdf", "logpdf"):
            return y
        given = as_array(x), loc, scale, *shapes
        return computed_from(given, y, _value(*given, dist=self, method=name))

    _register(name, body)


def _at_q(name: str) -> None:
    """Register a quantile."""

    def body(self: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
        shapes, loc, scale = _parse(self, args, kwargs)
        return (loc + scale * _standard(self, name, as_array(q), *shapes))[()]

    _register(name, body)


def _register(name: str, body: Formula) -> None:
    body.__name__ = name
    register(getattr(stats.rv_continuous, name), Composite(f"rv_continuous.{name}", body, None))


for _name in _ENDS:
    _at_x(_name)
for _name in ("ppf", "isf"):
    _at_q(_name)

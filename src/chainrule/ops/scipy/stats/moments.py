"""Means, variances, entropies and quantile intervals of the distributions of `scipy.stats`.

A distribution's own formula in its shapes is run on the traced values. Where it has none that runs,
mean, variance and entropy of a continuous one are integrals of its density (`integrals`), with
SciPy's value. An invalid shape or scale gives NaN, as in SciPy.

Errors: skew and kurtosis (``moments="sk"``), `moment` and `expect` are refused, and what neither a
formula nor a density gives.
"""

from typing import Any

import numpy as np
from scipy import stats

from ....core.op import Composite
from ....core.registry import register
from ....errors import ChainRuleError
from ...declare import as_array
from ..common import as_computed, computed_from, constant_of
from .continuous import _density, _is_plain, _log_density, _own, _refusal, _valid
from .discrete import MOMENTS
from .integrals import compared, in_double, mean_of

_FAILS = (ChainRuleError, TypeError, ValueError, AttributeError, KeyError, NotImplementedError)


def _scipys(loc: Any, scale: Any, *shapes: Any, dist: Any, method: str) -> Any:
    where = (loc, scale) if isinstance(dist, stats.rv_continuous) else (loc,)
    return np.asarray(getattr(dist, method)(*shapes, *where), float)


_value = constant_of("stats_moment", _scipys, batch="elementwise")


def _parse(self: Any, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], Any, Any, Any]:
    """Return shapes, location, scale, and where the two last and the shapes are valid."""
    shapes, loc, scale = self._parse_args(*args, **kwargs)
    shapes, loc, scale = tuple(map(as_array, shapes)), as_array(loc), as_array(scale)
    valid = np.greater(scale, 0)
    return shapes, loc, scale, (
        np.logical_and(valid, _valid(*shapes, dist=self)) if shapes else valid
    )


def _by_formula(dist: Any, name: str, shapes: Any) -> Any:
    """Return mean (0) or variance (1) by the distribution's own formula, or None."""
    try:
        with np.errstate(all="ignore"):
            found = MOMENTS.get(dist.name, dist._stats)(*shapes)[name == "var"]
    except _FAILS:  # the formula is for plain numbers only
        return None
    return None if found is None or (_is_plain(found) and not _constant_in(found)) else found


def _constant_in(found: Any) -> bool:
    """Say whether a plain result of traced shapes is one that does not hang on them (0, inf)."""
    return bool(np.all(np.equal(found, 0) | np.isinf(found)))


def _by_integral(dist: Any, name: str, weight: Any, shapes: Any) -> Any:
    if not isinstance(dist, stats.rv_continuous):
        raise _refusal(dist, name)
    try:
        with np.errstate(all="ignore"):
            found = mean_of(dist, lambda x, *s: _density(dist, x, *s), weight, shapes)
    except _FAILS as error:
        raise _refusal(dist, name, error) from error
    value = _value(0.0, 1.0, *in_double(*shapes), dist=dist, method=name)
    compared(found, value, name=f"{dist.name}.{name}")
    return as_computed(found, value)


def _standard(dist: Any, name: str, shapes: Any) -> Any:
    """Return mean or variance at location 0 and scale 1."""
    if all(map(_is_plain, shapes)):
        return getattr(dist, name)(*shapes)
    found = _by_formula(dist, name, shapes)
    if found is not None:
        return found
    if name == "mean":
        return _by_integral(dist, name, lambda x, *_s: x, shapes)
    middle = as_array(_standard(dist, "mean", shapes))[..., None]
    return _by_integral(dist, name, lambda x, *_s: (x - middle) ** 2, shapes)


def _standard_entropy(dist: Any, shapes: Any) -> Any:
    if all(map(_is_plain, shapes)):
        return dist.entropy(*shapes)
    for formula in _own(dist, "_entropy"):
        try:
            with np.errstate(all="ignore"):
                found = formula(*shapes)
        except _FAILS:
            continue
        if not _is_plain(found):
            return found
    return _by_integral(dist, "entropy", lambda x, *s: -_log_density(dist, x, *s), shapes)


_FORMULAS: dict[str, Any] = {  # of a distribution, its shapes, location and scale
    "mean": lambda dist, shapes, loc, scale: loc + scale * _standard(dist, "mean", shapes),
    "var": lambda dist, shapes, _loc, scale: scale * scale * _standard(dist, "var", shapes),
    "std": lambda dist, shapes, _loc, scale: scale * np.sqrt(_standard(dist, "var", shapes)),
    "entropy": lambda dist, shapes, _loc, scale: _standard_entropy(dist, shapes) + np.log(scale),
}


def _summary(name: str) -> Any:
    def body(self: Any, *args: Any, **kwargs: Any) -> Any:
        shapes, loc, scale, valid = _parse(self, args, kwargs)
        found = _FORMULAS[name](self, shapes, loc, scale) + np.zeros(np.shape(loc))
        found = np.where(valid, found, np.nan)[()]
        given = loc, scale, *shapes
        return computed_from(given, found, _value(*given, dist=self, method=name))[()]

    return body


mean, var, std, entropy = map(_summary, _FORMULAS)


def median(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the median."""
    return self.ppf(0.5, *args, **kwargs)


def interval(self: Any, confidence: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the quantiles between which this share of the mass lies in the middle."""
    level = as_array(confidence)
    below, above = (1.0 - level) / 2, (1.0 + level) / 2
    return self.ppf(below, *args, **kwargs), self.ppf(above, *args, **kwargs)


def moments(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Return mean and variance, as far as they are asked for."""
    which = kwargs.pop("moments", "mv")
    if not isinstance(which, str) or not set(which) <= set("mv"):
        raise _refusal(self, "stats")
    bodies = {"m": mean, "v": var}
    chosen = [bodies[letter](self, *args, **kwargs) for letter in "mv" if letter in which]
    return chosen[0] if len(chosen) == 1 else tuple(chosen)


for _name, _body in {
    "mean": mean, "var": var, "std": std, "entropy": entropy, "median": median,
    "interval": interval, "stats": moments,
}.items():  # fmt: skip
    _record = Composite(f"scipy.stats.rv_generic.{_name}", _body, None)
    register(getattr(stats.rv_continuous, _name), _record)

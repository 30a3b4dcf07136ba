"""Discrete distributions of `scipy.stats`, and the moments of all, by their base classes' methods.

The derivative is with respect to real-valued parameters (a rate, a probability). In its argument k
a mass function lives on the integers only, so a traced k is refused, and so is a traced location. A
distribution function is the regularised integral that SciPy's compiled code evaluates. A quantile
is a step function: nothing flows through it but the location. What no formula gives is refused.
"""

from typing import Any

import numpy as np
from scipy import special, stats

from ....core.op import Composite
from ....core.registry import register
from ...declare import as_array
from ..common import as_computed, constant_of, flows, plain, refusal
from .continuous import Formula, _constant, _first, _is_plain, _refusal, _valid


def _dlaplace_below(k: Any, a: Any) -> Any:
    tail = np.exp(-a * np.where(np.less(k, 0), -k, k + 1.0)) / (1.0 + np.exp(-a))
    return np.where(np.less(k, 0), tail, 1.0 - tail)


TAILS: dict[str, tuple[Formula, Formula]] = {  # P(K ≤ k) and P(K > k), for a whole k
    "poisson": (
        lambda k, mu: special.gammaincc(k + 1.0, mu), lambda k, mu: special.gammainc(k + 1.0, mu)
    ),
    "binom": (
        lambda k, n, p: special.betainc(n - k, k + 1.0, 1.0 - p),
        lambda k, n, p: special.betainc(k + 1.0, n - k, p),
    ),
    "bernoulli": (lambda k, p: 1.0 - p + 0.0 * k, lambda k, p: p + 0.0 * k),
    "nbinom": (
        lambda k, n, p: special.betainc(n, k + 1.0, p),
        lambda k, n, p: special.betainc(k + 1.0, n, 1.0 - p),
    ),
    "dlaplace": (_dlaplace_below, lambda k, a: 1.0 - _dlaplace_below(k, a)),
}  # fmt: skip


def _skellam(k: Any, m1: Any, m2: Any) -> Any:
    """Return log pmf by the scaled Bessel function: log Iₖ(2√(m₁m₂)) − m₁ − m₂ + ½k·log(m₁/m₂)."""
    z = 2.0 * np.sqrt(m1 * m2)
    return np.log(special.ive(np.abs(k), z)) + z - m1 - m2 + 0.5 * k * (np.log(m1) - np.log(m2))


LOG_MASSES: dict[str, Formula] = {"skellam": _skellam}
MOMENTS: dict[str, Formula] = {  # mean and variance, where SciPy's own are for plain numbers
    "poisson": lambda mu: (mu, mu),
    "nbinom": lambda n, p: (n * (1.0 - p) / p, n * (1.0 - p) / (p * p)),
}
_MOST = 1_000_000  # terms of a sum of masses


def _own(dist: Any, name: str) -> list[Formula]:
    """Return the distribution's own formula, unless it is the general one of the base class."""
    for base in (stats.rv_discrete, stats.rv_continuous):
        if isinstance(dist, base) and getattr(type(dist), name) is getattr(base, name):
            return []
    return [getattr(dist, name)]


def _log_mass(dist: Any, k: Any, *shapes: Any) -> Any:
    formulas = [LOG_MASSES[dist.name]] if dist.name in LOG_MASSES else []
    formulas += _own(dist, "_logpmf")
    formulas += [lambda *a, f=f: np.log(f(*a)) for f in _own(dist, "_pmf")]  # type: ignore[misc]
    return _first(dist, "logpmf", formulas, (k, *shapes))


def _tail(dist: Any, place: int, k: Any, *shapes: Any) -> Any:
    own = [TAILS[dist.name][place]] if dist.name in TAILS else []
    both = [_own(dist, "_cdf"), _own(dist, "_sf")]
    own += both[place]
    own += [lambda *a, f=f: 1.0 - f(*a) for f in both[1 - place]]  # type: ignore[misc]
    own += [lambda *a: _summed(dist, *a) if place == 0 else 1.0 - _summed(dist, *a)]
    return _first(dist, ("cdf", "sf")[place], own, (k, *shapes))


def _summed(dist: Any, k: Any, *shapes: Any) -> Any:
    """Return P(K ≤ k) as the sum of the masses from the lower end of the support."""
    low = np.ravel(plain(_low(*shapes, dist=dist)))
    span = np.max(k) - low[0] + 1 if low.size and np.all(low == low[0]) else np.inf
    if not span * np.size(k) <= _MOST:
        raise _refusal(dist, "cdf")
    terms = low[0] + np.arange(span)
    terms = np.reshape(terms, (-1,) + (1,) * max(np.ndim(k), *map(np.ndim, shapes)))
    masses = np.exp(_log_mass(dist, terms, *shapes))
    return np.sum(np.where(np.less_equal(terms, k), masses, 0.0), axis=0)


_PARTS: dict[str, Formula] = {
    "pmf": lambda dist, *a: np.exp(_log_mass(dist, *a)),
    "logpmf": _log_mass,
    "cdf": lambda dist, *a: _tail(dist, 0, *a),
    "logcdf": lambda dist, *a: np.log(_tail(dist, 0, *a)),
    "sf": lambda dist, *a: _tail(dist, 1, *a),
    "logsf": lambda dist, *a: np.log(_tail(dist, 1, *a)),
}


def _scipys(k: Any, *shapes: Any, dist: Any, method: str) -> Any:
    return getattr(getattr(stats, dist) if type(dist) is str else dist, method)(k, *shapes)


def _by_name(dist: Any) -> Any:
    """Return the name of a distribution of SciPy's: a document can be read without the object."""
    return dist.name if getattr(stats, str(dist.name), None) is dist else dist


_value = constant_of("stats_mass_value", _scipys, batch="elementwise")
_low = _constant("low", lambda *shapes, dist: np.asarray(dist._get_support(*shapes)[0], float))
_high = _constant("high", lambda *shapes, dist: np.asarray(dist._get_support(*shapes)[1], float))


def _arguments(self: Any, name: str, k: Any, args: Any, kwargs: Any) -> tuple[Any, ...]:
    """Return k − loc, plain, and the shapes."""
    shapes, loc, _ = self._parse_args(*args, **kwargs)
    if flows(k) or flows(loc):
        raise refusal(
            f"scipy.stats.{self.name}.{name}, as its argument k or loc,",
            "a discrete distribution lives on the integers: it has no derivative there",
            "trace the parameters only; for a smooth extension write the formula with "
            "scipy.special.gammaln",
        )
    return plain(as_array(k)) - plain(as_array(loc)), tuple(map(as_array, shapes))


def _at_k(name: str) -> None:
    """Register a method whose argument is a number of events."""
    mass = name.endswith("pmf")
    log = name.startswith("log")

    def body(self: Any, k: Any, *args: Any, **kwargs: Any) -> Any:
        k, shapes = _arguments(self, name, k, args, kwargs)
        if all(map(_is_plain, shapes)) or not any(map(flows, shapes)):
            return getattr(self, name)(k, *map(plain, shapes))
        low, high = _low(*shapes, dist=self), _high(*shapes, dist=self)
        valid = _valid(*shapes, dist=self)
        below_end = np.less_equal(k, high) if mass else np.less(k, high)
        inside = np.logical_and(np.less_equal(low, k), below_end)
        if mass:
            inside = np.logical_and(inside, np.equal(np.floor(k), k))
        inside = np.logical_and(inside, valid)
        safe = np.where(inside, np.floor(k), np.where(np.isfinite(low), low, 0.0))
        y = _PARTS[name](self, safe, *shapes)
        one, none = (0.0, -np.inf) if log else (1.0, 0.0)
        below, above = (none, none) if mass else (one, none) if "sf" in name else (none, one)
        y = np.where(inside, y, np.where(np.less(k, low), below, above))
        y = np.where(np.logical_and(valid, k == k), y, np.nan)[()]
        return as_computed(y, _value(k, *shapes, dist=_by_name(self), method=name))

    _register(stats.rv_discrete, name, body)


def _at_q(name: str) -> None:
    """Register a quantile: a step function, moved by its location."""

    def body(self: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
        shapes, loc, _ = self._parse_args(*args, **kwargs)
        steps = getattr(self, name)(plain(as_array(q)), *(plain(as_array(s)) for s in shapes))
        return steps + loc

    _register(stats.rv_discrete, name, body)


def _register(base: Any, name: str, body: Formula) -> None:
    body.__name__ = name
    register(getattr(base, name), Composite(f"{base.__name__}.{name}", body, None))


for _name in _PARTS:
    _at_k(_name)
for _name in ("ppf", "isf"):
    _at_q(_name)

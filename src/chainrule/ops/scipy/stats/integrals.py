"""Distribution functions, quantiles and means as functions of shapes, by integrals of the density.

F(x; θ) is the integral of the density over the side of x where less mass lies. The side is cut into
panels at quantiles, each with √10 times the mass of the next one outward, and each panel is
integrated by Gauss's rule. The panels hang on x and on the ends of the support, all else in them is
fixed, so that the sum is a formula in x and θ: it has derivatives of every order, and ends of the
support that move with a shape count. Its value is compared with SciPy's, which is the one returned.

A quantile is the root of F(x; θ) = q: Newton's steps from SciPy's root, on traced numbers. One step
makes the first derivative right, and each further one doubles the order and adds one.

Errors: where sum and value differ by more than 1e-8 (a density with a kink, a jump or a sharp
spike), the derivative is refused.
"""

from typing import Any

import numpy as np

from ....core.op import Op
from ....core.registry import add
from ....core.slots import INDEX
from ....errors import RuleError
from ..common import as_computed
from ..special.common import UNIT_NODES, UNIT_WEIGHTS

_SHARES = 10.0 ** (-0.5 * np.arange(1, 33))
_CLOSE = 1e-8
NEWTON = 3  # steps, which make derivatives up to order 7 right


def _constant(name: str, value: Any) -> Op:
    op = Op(f"stats_{name}", value, (INDEX,), variadic=True, batch="elementwise")
    add(op)
    return op


def _masses(x: Any, shapes: Any, dist: Any) -> tuple[Any, Any]:
    with np.errstate(all="ignore"):
        return np.asarray(dist.cdf(x, *shapes)), np.asarray(dist.sf(x, *shapes))


lower = _constant(
    "lower_side", lambda x, *shapes, dist: np.less_equal(*_masses(x, shapes, dist))
)  # fmt: skip
mass = _constant("mass", lambda x, *shapes, dist: np.minimum(*_masses(x, shapes, dist)))


def _edges(x: Any, side: Any, *shapes: Any, dist: Any) -> Any:
    """Return the quantiles at which a side of x is cut, along a last axis."""
    key = (dist.name, side.shape, side.tobytes(), *(np.asarray(v).tobytes() for v in (x, *shapes)))
    found = _kept.get(key)  # SciPy may search for each of them by integrals of its own
    if found is None:
        if len(_kept) >= _MOST:
            _kept.clear()
        found = _kept[key] = _cuts(x, side, shapes, dist)
    return found.copy()


_kept: dict[Any, Any] = {}
_MOST = 64


def _cuts(x: Any, side: Any, shapes: Any, dist: Any) -> Any:
    below, above = _masses(x, shapes, dist)
    side = np.broadcast_to(side, below.shape)
    found = np.empty((*below.shape, _SHARES.size))
    for here, mass, quantile in ((side, below, dist.ppf), (~side, above, dist.isf)):
        own = [np.broadcast_to(s, below.shape)[here][..., None] for s in shapes]
        if np.any(here):
            with np.errstate(all="ignore"):
                found[here] = quantile(mass[here][..., None] * _SHARES, *own)
    before = np.broadcast_to(x, below.shape)
    for k in range(found.shape[-1]):  # where mass is lost to rounding the panel is empty
        before = found[..., k] = np.where(np.isfinite(found[..., k]), found[..., k], before)
    return found


edges = _constant("edges", _edges)
fixed = Op("stats_fixed", lambda x: np.asarray(x)[()], (INDEX,), batch="elementwise")
add(fixed)


def _panels(dist: Any, x: Any, shapes: tuple[Any, ...], side: Any) -> tuple[Any, Any]:
    """Return nodes and weights of a side of x, along a last axis, as formulas in x and θ."""
    cuts = edges(x, side, *shapes, dist=dist)
    end = np.where(side, *dist._get_support(*shapes))
    finite = np.isfinite(end)
    end = np.where(finite, end, 0.0)
    apart = fixed(x) - fixed(end)
    share = (cuts - fixed(end)[..., None]) / np.where(apart == 0, 1.0, apart)[..., None]
    moving = end[..., None] + (x - end)[..., None] * share
    inner = np.where(finite[..., None], moving, cuts)
    outer = np.concatenate([x[..., None], inner[..., :-1]], axis=-1)
    length = np.where(side[..., None], outer - inner, inner - outer)
    nodes = outer[..., None] + (inner - outer)[..., None] * UNIT_NODES
    weights = length[..., None] * UNIT_WEIGHTS
    flat = (*np.shape(nodes)[:-2], -1)
    return np.reshape(nodes, flat), np.reshape(weights, flat)


def in_double(*xs: Any) -> tuple[Any, ...]:
    """Return arrays of one shape in double precision, in which SciPy integrates."""
    return tuple(x.astype(np.float64) for x in np.broadcast_arrays(*xs))


def both_sides(dist: Any, density: Any, x: Any, shapes: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return F and 1 − F at x; `density` is a function of the nodes and the shapes."""
    x, *shapes = in_double(x, *shapes)
    side, value = lower(x, *shapes, dist=dist), mass(x, *shapes, dist=dist)
    nodes, weights = _panels(dist, x, tuple(shapes), side)
    found = np.sum(weights * density(nodes, *(s[..., None] for s in shapes)), axis=-1)
    found = _checked(dist, found, value)
    return np.where(side, found, 1.0 - found), np.where(side, 1.0 - found, found)


def _compared(found: Any, value: Any, name: str) -> Any:
    gap = np.abs(found - value)
    if not np.all((gap <= _CLOSE * np.abs(value) + 1e-300) | ~np.isfinite(value)):
        worst = float(np.nanmax(gap / (np.abs(value) + 1e-300)))
        raise RuleError(
            f"the integral behind scipy.stats.{name} is not exact enough here",
            why=f"its integral differs from SciPy's value by a share of {worst:.1e}",
        )
    return value


compared = Op("stats_compared", _compared, (INDEX, INDEX), batch="elementwise")
add(compared)


def _checked(dist: Any, found: Any, value: Any) -> Any:
    compared(found, value, name=dist.name)
    return as_computed(found, value)


def quantile(
    dist: Any, function: Any, density: Any, q: Any, root: Any, shapes: tuple[Any, ...], upper: bool
) -> Any:
    """Return the root of F(x; θ) = q (with `upper` of 1 − F = q) near the plain `root`.

    `function(x, *shapes)` gives F and 1 − F.
    """
    q, root, *shapes = in_double(q, root, *shapes)
    x = root
    for _ in range(NEWTON):
        below, above = function(x, *shapes)
        low = lower(x, *shapes, dist=dist)
        gap = np.where(low, below - (1.0 - q if upper else q), (q if upper else 1.0 - q) - above)
        x = x - gap / density(x, *shapes)
    return as_computed(x, root)


def mean_of(dist: Any, density: Any, weight: Any, shapes: tuple[Any, ...]) -> Any:
    """Return the mean of ``weight(x, *shapes)``, from both sides of the median."""
    shapes = in_double(*shapes)
    middle = median(*shapes, dist=dist)
    total: Any = 0.0
    for side in (True, False):
        nodes, weights = _panels(dist, middle, shapes, np.full(np.shape(middle), side))
        wide = [s[..., None] for s in shapes]
        total = total + np.sum(weights * density(nodes, *wide) * weight(nodes, *wide), axis=-1)
    return total


median = _constant("median", lambda *shapes, dist: np.asarray(dist.ppf(0.5, *shapes)))

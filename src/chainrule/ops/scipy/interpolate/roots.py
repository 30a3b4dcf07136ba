"""Roots of piecewise polynomials: SciPy finds them, and they move by the implicit function theorem.

Of s(r) = y in one piece, ds(r) + s′(r) dr = dy; the breakpoint from which the piece counts carries
its roots along. Where s leaps over y at a breakpoint, that is the root, and nothing else moves it.
"""

from typing import Any

import numpy as np
from scipy import interpolate

from ....core.holders import bare
from ....core.op import Notation, Op
from ....core.registry import add, composite
from ....core.slots import INDEX, Jvp
from ...declare import as_array
from ..common import constant_of, flows, refusal, settled
from .piecewise import _float, _held, _powers, held_by, interval

PPoly = interpolate.PPoly

found_op = constant_of(
    "ppoly_roots",
    lambda c, knots, y, how, leaps: PPoly.construct_fast(c, knots, how).solve(y, leaps, how),
)


def _place(r: Any, knots: Any) -> Any:
    return interval(r, knots, first=0, last=knots.shape[0] - 1)


def _leapt(c: Any, knots: Any, y: Any, r: Any) -> Any:
    """Say which roots are breakpoints over which the polynomial leaps."""
    at = np.isin(r, knots[1:-1])
    sides = [PPoly.construct_fast(c, knots)(np.nextafter(r, end)) for end in (-np.inf, np.inf)]
    return at & ((sides[0] < y) != (sides[1] < y)) & (np.abs(sides[1] - sides[0]) > _SAME * (
        np.max(np.abs(c[-1]), initial=0.0)
    ))  # fmt: skip


_SAME = 1e-9
leapt = constant_of("ppoly_leaps", _leapt)


def _by_slope(t: Any, c: Any, knots: Any, y: Any, r: Any) -> Any:
    slope = _powers(c, knots, r, nu=1, how=True, axis=0)
    stays = leapt(c, knots, y, r)
    return np.where(stays, 0.0, t / np.where(stays, 1.0, slope))


root_op = Op(
    "ppoly_root",
    lambda c, knots, y, r: r,
    (
        Jvp(lambda t, out, c, knots, y, _r: _by_slope(
            -_powers(t, knots, out, nu=0, how=True, axis=0), c, knots, y, out
        )),
        Jvp(lambda t, out, _c, knots, _y, _r: np.take(t, _place(out, knots))),
        Jvp(lambda t, out, c, knots, y, _r: _by_slope(t + 0.0 * out, c, knots, y, out)),
        INDEX,
    ),
    batch="loop",
    notation=Notation(rule="s(r) = y: s′(r) dr = dy − ds(r)"),
)  # fmt: skip
add(root_op)


@composite(PPoly.solve, name="scipy.interpolate.PPoly.solve", always="held")
def ppoly_solve(
    self: Any, y: Any = 0.0, discontinuity: bool = True, extrapolate: Any = None
) -> Any:
    """Find where a piecewise polynomial takes a value."""
    y = settled(y)
    if not (_held(self) or flows(y)):
        return PPoly.solve(bare(self), y, discontinuity, extrapolate)
    own = held_by(self)
    c, knots, y = as_array(own.c), as_array(own.x), _float(y)
    if "c" in (knots.dtype.kind, y.dtype.kind):
        raise refusal("a spline of complex places", "SciPy takes real ones", "pass the .real of it")
    if c.ndim > 2:
        raise refusal(
            "scipy.interpolate.PPoly.solve", "there are several polynomials, and it has a rule for "
            "one", "solve one after the other: PPoly(s.c[:, :, k], s.x).solve()",
        )  # fmt: skip
    how = bool(self.extrapolate if extrapolate is None else extrapolate)
    r = found_op(c, knots, y, how=how, leaps=bool(discontinuity))
    if np.any(np.isnan(r)):
        raise refusal(
            "scipy.interpolate.PPoly.solve", "the polynomial has that value all over one interval",
            "solve for another value",
        )  # fmt: skip
    return root_op(c, knots, y, r)


@composite(PPoly.roots, name="scipy.interpolate.PPoly.roots", always="held")
def ppoly_roots(self: Any, discontinuity: bool = True, extrapolate: Any = None) -> Any:
    """Find where a piecewise polynomial is 0."""
    if not _held(self):
        return PPoly.roots(bare(self), discontinuity, extrapolate)
    return ppoly_solve(self, 0.0, discontinuity, extrapolate)

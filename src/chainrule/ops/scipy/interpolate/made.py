"""The functions of SciPy that make a `BSpline` of data as FITPACK does, or by least squares."""

from typing import Any

import numpy as np
from scipy import interpolate

from ....core.registry import composite
from ..common import agreed, as_computed, refusal, settled
from . import curves
from .bsplines import bspline_of, make_interp_spline
from .fitpack import _agreed, _chords, _parts, _rows
from .piecewise import _float


@composite(interpolate.make_lsq_spline, name="scipy.interpolate.make_lsq_spline")
def make_lsq_spline(
    x: Any, y: Any, t: Any, k: int = 3, w: Any = None, axis: int = 0, check_finite: bool = True,
    **options: Any,
) -> Any:  # fmt: skip
    """Fit by least squares with knots as given; all but the degree may be traced."""
    x, y, w = _parts(x, y, w)
    t, k = _float(settled(t)), int(k)
    made = interpolate.make_lsq_spline(
        *_agreed(x, y, t), k, *_agreed(w), axis, check_finite, **options
    )
    axis = axis % y.ndim
    y = np.moveaxis(y, axis, 0)
    c, _ = curves.fitted(t, k, x, np.reshape(y, (y.shape[0], -1)), w, None)
    c = as_computed(np.reshape(c, (c.shape[0], *y.shape[1:])), made.c)
    return bspline_of(t, c, k, made.extrapolate, axis)


@composite(interpolate.make_splrep, name="scipy.interpolate.make_splrep")
def make_splrep(
    x: Any, y: Any, *, w: Any = None, xb: Any = None, xe: Any = None, k: int = 3, s: Any = 0,
    t: Any = None, nest: Any = None, bc_type: Any = None,
) -> Any:  # fmt: skip
    """Fit as FITPACK does; all but the degree may be traced."""
    x, y, w = _parts(x, y, w)
    given = {"w": w, "xb": settled(xb), "xe": settled(xe), "s": settled(s), "t": settled(t)}
    made = interpolate.make_splrep(*_agreed(x, y), **_plain(given, k, nest, bc_type))
    if _through(given["s"], bc_type, "make_splrep"):
        return make_interp_spline(x, y, k, bc_type=bc_type)
    knots, c = _fitted(x, y[:, None], given, made.t, made.c, k, "make_splrep")
    return bspline_of(knots, np.reshape(c, made.c.shape), k, made.extrapolate)


@composite(interpolate.make_splprep, name="scipy.interpolate.make_splprep")
def make_splprep(
    x: Any, *, w: Any = None, u: Any = None, ub: Any = None, ue: Any = None, k: int = 3, s: Any = 0,
    t: Any = None, nest: Any = None, bc_type: Any = None,
) -> Any:  # fmt: skip
    """Fit a curve in several dimensions; the chord lengths move with the points."""
    x, w = _rows(x), w if w is None else _float(settled(w))
    u = u if u is None else _float(settled(u))
    given = {"w": w, "ub": settled(ub), "ue": settled(ue), "s": settled(s), "t": settled(t)}
    parameters = _plain({"u": u, **given}, k, nest, bc_type)
    made, at = interpolate.make_splprep(list(agreed(x)), **parameters)
    u = _chords(x, at) if u is None else u
    if _through(given["s"], bc_type, "make_splprep"):
        return make_interp_spline(u, x, k, bc_type=bc_type, axis=1), u
    knots, c = _fitted(u, x.T, given, made.t, made.c, k, "make_splprep")
    return bspline_of(knots, c, k, made.extrapolate, axis=1), u


def _through(s: Any, bc_type: Any, name: str) -> bool:
    """Say whether the spline interpolates; refuse a periodic one that smooths."""
    curves.check_goal(s, name, 9)
    if agreed(s) == 0:
        return True
    if bc_type == "periodic":
        raise refusal(
            f"{name} of a periodic spline with smoothing", "it has no rule",
            "use make_interp_spline(x, y, bc_type='periodic')",
        )  # fmt: skip
    return False


def _plain(given: dict[str, Any], k: int, nest: Any, bc_type: Any) -> dict[str, Any]:
    """Return what SciPy is given, in plain numbers."""
    numbers = dict(zip(given, _agreed(*given.values()), strict=True))
    return {**numbers, "k": k, "nest": nest, "bc_type": bc_type}


def _fitted(
    x: Any, y: Any, given: dict[str, Any], t: Any, c: Any, k: int, name: str
) -> tuple[Any, Any]:
    w, first, last, s, own = given.values()
    first, last = x[0] if first is None else first, x[-1] if last is None else last
    knots = _float(own) if own is not None else curves.knots_at(t, x, k, first, last, None, name)
    found, _ = curves.fitted(knots, k, x, y, w, s)
    return knots, curves.anchored(found, np.reshape(c, found.shape), s, name)

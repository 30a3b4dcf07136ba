"""Laws of higher order: nested modes agree with each other and with differences."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from ..api import jvp, vjp
from ..errors import UnsupportedFunctionError
from ..numeric import directional, flat, inner
from .first import AGREE, TRUST, _largest, directions, failed
from .samples import Case, seed_of

Scalar = Callable[..., Any]


def objective(case: Case) -> Scalar:
    """Return φ(x) = Σ ȳ·(y + y²/2), a scalar function that is curved also for linear ops."""
    rng = np.random.default_rng(seed_of(case.name, 7))
    with np.errstate(all="ignore"):
        weights = [
            (rng.uniform(0.5, 1.5, np.shape(o)) / max(1.0, _largest(o))).astype(o.real.dtype)
            for o in case(*case.xs)
        ]

    def phi(*xs: Any) -> Any:
        total: Any = 0.0
        for w, y in zip(weights, case(*xs), strict=True):
            curved = w * (y + 0.5 * w * y * y)
            total = total + np.sum(np.real(curved) if curved.dtype.kind == "c" else curved)
        return total

    return phi


def slope_forward(f: Scalar, vs: Any) -> Scalar:
    """Return x ↦ ⟨∇f(x), v⟩, by forward mode."""
    return lambda *xs: jvp(f, xs, tuple(vs))[1]


def slope_reverse(f: Scalar, vs: Any) -> Scalar:
    """Return x ↦ ⟨∇f(x), v⟩, by reverse mode."""

    def slope(*xs: Any) -> Any:
        out, pull = vjp(f, *xs)
        return inner(pull(np.ones((), out.dtype)[()]), vs)

    return slope


MODES = {"f": slope_forward, "r": slope_reverse}


def nested(case: Case, order: int, tolerance: float = 1e-9, differences: bool = True) -> None:
    """The nestings of forward and reverse agree at order `order`, and with differences, if asked.

    The differences are taken of the order below, so that each order leans on the one before it.
    Where one nesting refuses loudly, all must: `refused` says it of a case.
    """
    if not case.xs or not all(x.dtype.kind == "f" for x in case.xs):
        return
    phi = objective(case)
    vs = [directions(case, 10 * k) for k in range(order)]
    found: dict[str, float] = {}
    refusing = []
    with np.errstate(all="ignore"):
        for modes in mixes(order, seed_of(case.name, order)):
            f = phi
            for mode, v in zip(reversed(modes), vs, strict=True):
                f = MODES[mode](f, v)
            try:
                found["".join(modes)] = float(f(*case.xs))
            except UnsupportedFunctionError:
                refusing.append("".join(modes))
    if refusing:
        if found:
            raise failed(f"nestings agree at order {order}", case, refuse=refusing, give=found)
        return
    scale = max(1.0, *(abs(v) for v in found.values()))
    first = found["f" * order]
    for modes, got in found.items():
        if not abs(got - first) <= tolerance * scale:
            raise failed(f"nestings agree at order {order}", case, forward=first, **{modes: got})
    if not differences:
        return
    below = phi
    for v in vs[:-1]:
        below = MODES["r"](below, v)
    want, error = directional(lambda *xs: (below(*xs),), case.xs, vs[-1])
    size = max(scale, _largest(want))
    if not error[0] <= TRUST * size:
        return  # a kink close by: the agreement of the nestings stands
    if not abs(first - want[0]) <= 20 * error[0] + 10 * AGREE * size:
        raise failed(f"order {order} = differences of order {order - 1}", case, nested=first,
                     differences=want[0], error_estimate=error[0])  # fmt: skip


def mixes(order: int, seed: int) -> list[tuple[str, ...]]:
    """Return the nestings that are tried: above order 2 forward alone, and half of the others."""
    every = list(product("fr", repeat=order))
    if order < 3:
        return every
    return [every[0], *(m for m in every[1:] if m.count("r") % 2 == seed % 2)]


def refused(case: Case, order: int) -> bool:
    """Say whether the derivatives of order `order` of a case are refused."""
    if not case.xs or not all(x.dtype.kind == "f" for x in case.xs):
        return False
    f = objective(case)
    for v in (directions(case, 10 * k) for k in range(order)):
        f = MODES["f"](f, v)
    try:
        with np.errstate(all="ignore"):
            f(*case.xs)
    except UnsupportedFunctionError:
        return True
    return False


def symmetric(case: Case, tolerance: float = 1e-9) -> None:
    """⟨w, H v⟩ = ⟨v, H w⟩: the Hessian is symmetric, where it is not refused."""
    if not case.xs or not all(x.dtype.kind == "f" for x in case.xs) or refused(case, 2):
        return
    phi = objective(case)
    v, w = directions(case, 3), directions(case, 4)

    def gradient(*xs: Any) -> Any:
        out, pull = vjp(phi, *xs)
        return pull(np.ones((), out.dtype)[()])

    with np.errstate(all="ignore"):
        hv = jvp(gradient, case.xs, tuple(v))[1]
        hw = jvp(gradient, case.xs, tuple(w))[1]
    left, right = float(inner(hv, w)), float(inner(hw, v))
    terms = float(np.sum(abs(flat(hv)))) + float(np.sum(abs(flat(hw))))
    if not abs(left - right) <= tolerance * max(1.0, terms):
        raise failed("the Hessian is symmetric", case, wHv=left, vHw=right)

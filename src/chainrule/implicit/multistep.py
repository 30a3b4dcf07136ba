"""Steps of SciPy's BDF, and the derivatives of the solution along them.

BDF keeps the backward differences D of the solution at equal steps. With its steps and orders held
fixed, the next differences are linear in the old ones and in the correction d, which solves
c·f(t, y⁻ + d) − ψ − d = 0. So the derivative S of the differences goes along: the same linear maps,
and (1 − c·∂f/∂y)·dS = c·(∂f/∂y·S⁻ + ∂f/∂p) − ψ_S, one linear solve for each accepted step. That is
the derivative of the very numbers that SciPy computes, by y₀ and by what f reads (the staggered
direct method).

References: L. F. Shampine and M. W. Reichelt, The MATLAB ODE suite, SIAM J. Sci. Comput. 18 (1997)
1–22, §2; M. Caracotsios and W. E. Stewart, Comput. Chem. Eng. 9 (1985) 359–365.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import integrate, linalg

from ..core.op import Notation, Op
from ..core.slots import Jvp
from ..tracing.tracer import apply, concrete
from .answers import is_traced, vector
from .callbacks import Callback, LeftError
from .steps import zero_step

_KAPPA = np.array([0, -0.1850, -1 / 9, -0.0823, -0.0415, 0])
_GAMMA = np.concatenate([[0], np.cumsum(1 / np.arange(1, 6))])
_ALPHA = (1 - _KAPPA) * _GAMMA
_MOST = 1 << 28  # bytes of derivatives that are kept
_CLOSE = 1e-6  # how well the differences are found again, relative to the largest


@dataclass(slots=True)
class Taken:
    """An accepted step, from `t` to `end`: the order and the size that it began with, and after."""

    t: float
    end: float
    order: int
    size: float
    after: int
    next: float
    D: Any  # the differences of y after it


def recording(log: list[Taken]) -> Any:
    """Return SciPy's BDF, which notes the steps that it accepts."""

    class BDF(integrate.BDF):  # type: ignore[misc]
        def _step_impl(self) -> Any:
            t, order, size = self.t, self.order, self.h_abs
            done = super()._step_impl()
            if done[0]:
                D = np.array(self.D[: self.order + 1])
                log.append(Taken(t, self.t, int(order), size, int(self.order), self.h_abs, D))
            return done

    return BDF


def _rescaled(order: int, factor: float) -> Any:
    """Return what maps differences to those at steps `factor` times as long."""

    def matrix(factor: float) -> Any:
        i, j = np.arange(1, order + 1)[:, None], np.arange(1, order + 1)
        found = np.zeros((order + 1, order + 1))
        found[0] = 1
        found[1:, 1:] = (i - 1 - factor * j) / i
        return np.cumprod(found, axis=0)

    return (matrix(factor) @ matrix(1.0)).T


class Multistep:
    """A solution by BDF and its derivatives by y₀ and by the parameters of f, at some times."""

    crossed = False

    def __init__(self, f: Callback, y0: Any, log: list[Taken], times: Any) -> None:
        self.f, self.y0, self.log = f, np.atleast_1d(vector(y0)), log
        self.n = np.size(concrete(self.y0))
        self.k = self.n if is_traced(self.y0) else 0
        self.m = self.k + f.count
        self.sign = 1.0 if not log or log[0].end >= log[0].t else -1.0
        self.ends = self.sign * np.array([s.end for s in log])
        self.times = None if times is None else np.unique(np.asarray(times, dtype=float))
        self.kept: dict[Any, Any] = {}  # S at the times, or after each step

    def follow(self) -> bool:
        """Go along the steps; say whether all of it could be done."""
        count = 6 * len(self.log) if self.times is None else len(self.times)
        if not self.m or count * self.n * self.m * 8 > _MOST:
            return False
        try:
            return self._follow()
        except LeftError:
            return False

    def _follow(self) -> bool:
        n, f = self.n, self.f
        start = np.asarray(concrete(self.y0))
        S = np.zeros((8, n, self.m))
        S[0, :, : self.k] = np.eye(n, self.k)
        if not self.log:
            self._keep(S, None)
            return True
        first = self.log[0]
        y = np.zeros((8, n))
        slope, *found = f.slopes(first.t, start)
        S[1] = self.sign * first.size * self._total(found, S[0])
        y[0], y[1] = start, self.sign * first.size * slope
        self._keep(S, None)
        eye, off = np.eye(n), 0.0
        for step in self.log:
            o, h = step.order, step.end - step.t
            if (factor := abs(h) / step.size) != 1.0:
                self._rescale(o, factor, S, y)
            c = h / _ALPHA[o]
            weights = _GAMMA[1 : o + 1] / _ALPHA[o]
            _, *found = f.slopes(step.end, step.D[0])
            right = c * self._total(found, S[: o + 1].sum(axis=0))
            right -= np.tensordot(weights, S[1 : o + 1], 1)
            d = linalg.solve(eye - c * found[0], right, check_finite=False)
            self._advance(o, S, d)
            self._advance(o, y, step.D[0] - y[: o + 1].sum(axis=0))
            if (factor := step.next / abs(h)) != 1.0 or step.after != o:
                self._rescale(step.after, factor, S, y)
            size = np.abs(step.D).max()
            off = max(off, np.abs(y[: step.after + 1] - step.D).max() / max(size, 1e-300))
            self._keep(S, step)
        return bool(off <= _CLOSE and np.all(np.isfinite(S)))

    def _total(self, found: Any, S: Any) -> Any:
        out = found[0] @ S
        if self.f.count:
            out[:, self.k :] += found[1]
        return out

    @staticmethod
    def _rescale(order: int, factor: float, *differences: Any) -> None:
        by = _rescaled(order, factor)
        for D in differences:
            D[: order + 1] = np.tensordot(by, D[: order + 1], 1)

    @staticmethod
    def _advance(order: int, D: Any, d: Any) -> None:
        D[order + 2] = d - D[order + 1]
        D[order + 1] = d
        for i in reversed(range(order + 1)):
            D[i] += D[i + 1]

    def _keep(self, S: Any, step: Taken | None) -> None:
        if self.times is None:
            self.kept[step and step.end] = S[: 1 if step is None else step.after + 1].copy()
            return
        if step is None:
            start = self.log[0].t if self.log else None
            for t in self.times:
                if start is None or self.sign * t <= self.sign * start:
                    self.kept[float(t)] = S[0].copy()
            return
        low, high = sorted((step.t, step.end))
        at = np.searchsorted(self.times, [low, high], side="left")
        for t in self.times[at[0] : at[1] + 1]:
            if self.sign * step.t < self.sign * t <= self.sign * step.end:
                self.kept[float(t)] = self._within(step, S, t)

    def _within(self, step: Taken, D: Any, t: float) -> Any:
        """Interpolate differences as SciPy does."""
        h, order = self.sign * step.next, step.after
        i = np.arange(order)
        weights = np.cumprod((t - (step.end - h * i)) / (h * (1 + i)))
        return D[0] + np.tensordot(weights, D[1 : order + 1], 1)

    def _step(self, t: float) -> Taken:
        i = int(np.searchsorted(self.ends, self.sign * t, side="left"))
        return self.log[min(i, len(self.log) - 1)]

    def before(self, t: float) -> float:
        """Return the time itself: nothing is decided there."""
        return t

    def __call__(self, t: float) -> Any:
        """Return y(t), traced."""
        if not self.log or t == self.log[0].t:
            value = np.asarray(concrete(self.y0))
            S = self.kept[None][0] if self.times is None else self.kept[t]
        else:
            step = self._step(t)
            value = self._within(step, step.D, t)
            S = self._within(step, self.kept[step.end], t) if self.times is None else self.kept[t]
        maps = S[:, : self.k], S[:, self.k :]
        return apply(solution, (self.y0, self.f.p), {"value": value, "maps": maps})

    def moved(self, t: Any, at: float) -> Any:
        """Return y at a time that may be traced; `at` is its plain value."""
        y = self(at)
        return zero_step(self.f, at, y, t - at) if is_traced(t) else y


def _back(k: int) -> Any:
    return lambda ct, _y, _y0, _p, value, maps: np.matmul(ct, maps[k])


def _along(k: int) -> Any:
    return lambda t, _y, _y0, _p, value, maps: np.matmul(maps[k], t)


solution = Op(  # what it holds belongs to one call, so it is not in the registry
    "solution",
    lambda _y0, _p, value, maps: value,
    (Jvp(_along(0), shortcut=_back(0)), Jvp(_along(1), shortcut=_back(1))),
    batch="loop",
    notation=Notation("y({0}, {1})", "y({0}, {1})", 90, (0, 0), "dy = ∂y/∂y₀ dy₀ + ∂y/∂p dp"),
)

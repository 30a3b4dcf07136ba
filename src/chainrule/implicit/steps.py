"""Single steps of differential equations, in ordinary operations: replayed, they differentiate.

Explicit Runge–Kutta steps take SciPy's own coefficients. The implicit step is Radau IIA of order 5:
its stages are solved for on plain numbers, and differentiated by chord steps (see `answers`).

References: E. Hairer, S. P. Nørsett and G. Wanner, Solving Ordinary Differential Equations I,
2nd ed., Springer (1993), §II.4–6; E. Hairer and G. Wanner, … II, 2nd ed. (1996), §IV.8.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.integrate import DOP853, RK45

from ..core.op import Notation, Op, sample
from ..core.registry import add
from ..core.slots import Linear
from ..tracing.tracer import TRACERS, concrete, depth, muted
from .callbacks import Callback
from .inside import prune, recordings
from .jacobians import DENSE, Dense, linearised

Function = Callable[..., Any]


def _weighted(*xs: Any, weights: tuple[float, ...]) -> Any:
    total = weights[0] * xs[0]
    for w, x in zip(weights[1:], xs[1:], strict=True):
        total = total + w * x
    return total


def _pull_weighted(ct: Any, *_xs: Any, weights: tuple[float, ...]) -> tuple[Any, ...]:
    return tuple(ct * w for w in weights)


weighted_sum = Op(
    "weighted_sum",
    _weighted,
    (Linear(joint=_pull_weighted),),
    batch="elementwise",
    variadic=True,
    additive=True,
    notation=Notation(rule="d Σ wᵢuᵢ = Σ wᵢ duᵢ"),
    samples=(
        sample((3,), (3,), weights=(1.0, -0.5)),
        sample((2,), (2,), (2,), weights=(1.0, 0.25, 2.0)),
        sample((), weights=(2.0,)),
    ),
)
add(weighted_sum)


def advance(y: Any, h: Any, slopes: list[Any], weights: Any) -> Any:
    """Return y + h·Σ wᵢ·kᵢ."""
    used = [(k, float(w)) for k, w in zip(slopes, weights, strict=True) if w != 0]
    if not used:
        return y
    ks, ws = zip(*used, strict=True)
    if type(h) in TRACERS:
        return y + h * weighted_sum(*ks, weights=ws)
    return weighted_sum(y, *ks, weights=(1.0, *(float(h) * w for w in ws)))


@dataclass(slots=True)
class Step:
    """One step that was replayed: from (t, y) to (t + h, end), with what interpolates it."""

    t: float
    h: float
    y: Any
    end: Any
    slopes: list[Any]
    stages: list[Any]
    moves: list[tuple[float, Any]] = field(default_factory=list)  # when, how: see `crossings`

    def holds(self, t: float) -> bool:
        """Say whether `t` lies in this step."""
        return min(self.t, self.t + self.h) <= t <= max(self.t, self.t + self.h)


def inner(f: Function, t: float, y: Any, h: float, end: Any) -> Function:
    """Return `f` as a step from (t, y) to (t + h, end) sees it: at its ends, what is within.

    A kink that stands just there belongs to neither side. Its times are met a few last bits
    inside, and the states along the chord.
    """
    if end is None:
        return f
    after, close = t + h, 8 * np.spacing(max(abs(t), abs(t + h)))
    close = float(np.copysign(close, h))
    chord = (np.asarray(concrete(end)) - np.asarray(concrete(y))) / h

    def g(s: Any, z: Any) -> Any:
        if abs(s - t) < abs(close):
            return f(t + close, z + close * chord)
        if abs(s - after) < abs(close):
            return f(after - close, z - close * chord)
        return f(s, z)

    return g


# --- explicit steps ----------------------------------------------------------------------------


class Explicit:
    """Replays the steps of RK23, RK45 or DOP853."""

    def __init__(self, method: Any, f: Function) -> None:
        self.method, self.f = method, f
        self.last: Any = None
        self.decides = False  # whether the ends of the steps have two sides

    def step(self, t: float, y: Any, h: float, guess: Any = None) -> Step:
        """Take one step of plain length h."""
        m = self.method
        f = inner(self.f, t, y, h, guess) if self.decides else self.f
        slopes = [f(t, y) if self.last is None or self.decides else self.last]
        for s in range(1, m.n_stages):
            slopes.append(f(t + m.C[s] * h, advance(y, h, slopes, m.A[s][:s])))
        end = advance(y, h, slopes, m.B)
        self.last = f(t + h, end)
        return Step(t, h, y, end, [*slopes, self.last], [])

    def at(self, step: Step, t: float) -> Any:
        """Interpolate inside a step as SciPy does."""
        x = (t - step.t) / step.h
        if x == 1.0:
            return step.end
        if x == 0.0:
            return step.y
        if not hasattr(self.method, "D"):
            powers = np.cumprod(np.full(self.method.P.shape[1], x))
            return advance(step.y, step.h, step.slopes, self.method.P @ powers)
        return self._eighth_order(step, x)

    def _eighth_order(self, step: Step, x: float) -> Any:
        m, h = self.method, step.h
        if len(step.slopes) == m.n_stages + 1:
            for a, c in zip(m.A_EXTRA, m.C_EXTRA, strict=True):
                s = len(step.slopes)
                y = advance(step.y, h, step.slopes, a[:s])
                step.slopes.append(self.f(step.t + c * h, y))
        n = len(step.slopes)
        rows = np.zeros((3 + len(m.D), 2 + n))  # over (y, end, slopes)
        rows[0, :2] = -1.0, 1.0
        rows[1], rows[1, 2] = -rows[0], h
        rows[2], rows[2, 2] = 2 * rows[0], -h
        rows[2, 2 + m.n_stages] = -h
        rows[3:, 2:] = h * m.D
        weights = np.zeros(2 + n)
        for i, row in enumerate(rows[::-1]):
            weights = (weights + row) * (x if i % 2 == 0 else 1.0 - x)
        weights[0] += 1.0
        return weighted_sum(step.y, step.end, *step.slopes, weights=tuple(map(float, weights)))


def zero_step(f: Function, t: Any, y: Any, h: Any) -> Any:
    """Take a step whose length h is 0 and traced: it carries the derivatives by the time."""
    m: Any = RK45 if depth() < 5 else DOP853
    slopes = [f(t, y)]
    for s in range(1, m.n_stages):
        slopes.append(f(t + m.C[s] * h, advance(y, h, slopes, m.A[s][:s])))
    return advance(y, h, slopes, m.B)


# --- the implicit step -------------------------------------------------------------------------

_ROOT6 = 6**0.5
_C = np.array([(4 - _ROOT6) / 10, (4 + _ROOT6) / 10, 1.0])
_A = np.stack([_C, _C**2 / 2, _C**3 / 3], axis=1) @ np.linalg.inv(np.vander(_C, increasing=True))
# collocation: Σⱼ aᵢⱼ·cⱼᵏ⁻¹ = cᵢᵏ / k for k = 1, 2, 3


class Implicit:
    """Replays steps by Radau IIA of order 5."""

    def __init__(self, f: Function) -> None:
        self.f = self.within = f
        self.last: Any = None
        self.decides = False
        self.blocks: list[Any] | None = None  # ∂f/∂y at the stages of the step before

    def step(self, t: float, y: Any, h: float, guess: Any = None) -> Step:
        """Take one step; `guess` is the end of it, for the solver."""
        plain = np.asarray(concrete(y))
        end = plain if guess is None else guess
        self.within = inner(self.f, t, y, h, guess) if self.decides else self.f
        stages = plain + _C[:, None] * (end - plain)
        marks = recordings()  # not muted: what f keeps of the inputs must stay traced
        stages = self._solved(t, plain, h, stages)
        prune(marks)
        values, solve = self._linearised(t, stages, h)
        z = stages - solve(_defect(stages, y, h, values))
        for _ in range(depth() - 1):
            z = z - solve(_defect(z, y, h, self._values(t, h, z)))
        found = [z[i] for i in range(3)]
        return Step(t, h, y, found[2], [], found)

    def _values(self, t: float, h: float, stages: Any) -> list[Any]:
        return [self.within(t + c * h, stages[i]) for i, c in enumerate(_C)]

    def _solved(self, t: float, y: Any, h: float, stages: Any) -> Any:
        """Solve for the stages by simplified Newton steps; the last one is left to the caller."""
        solve = None if self.blocks is None else self._solver(h)
        last = np.inf
        for _ in range(30):
            if solve is None:
                values, solve = self._linearised(t, stages, h)
            else:
                values = self._values(t, h, stages)
            values = [np.asarray(concrete(v)) for v in values]
            change = np.asarray(concrete(solve(_defect(stages, y, h, values))))
            stages = stages - change
            size = float(np.max(np.abs(change)))
            if size <= 1e-9 * float(np.max(np.abs(stages))):
                break
            if not size <= 0.3 * last:  # the Jacobians are too old
                solve = None
            last = size
        return stages

    def _linearised(self, t: float, stages: Any, h: float) -> tuple[list[Any], Function]:
        """Return f at the stages, and what solves the linearised stage equations."""
        if stages.shape[1] > DENSE:
            return self._matrix_free(t, stages, h)
        f = self.within
        if type(f) is Callback:
            self.blocks = [f.slopes(t + c * h, stages[i])[1] for i, c in enumerate(_C)]
            return self._values(t, h, stages), self._solver(h)
        pairs = [linearised(lambda y, c=c: f(t + c * h, y), stages[i]) for i, c in enumerate(_C)]
        self.blocks = [jacobian.matrix for _, jacobian in pairs]
        return [v for v, _ in pairs], self._solver(h)

    def _solver(self, h: float) -> Function:
        """Return what solves I − h·A⊗J, the blocks of J taken at the stages."""
        assert self.blocks is not None
        n = len(self.blocks[0])
        grid = [[(i == j) * np.eye(n) - h * _A[i, j] * self.blocks[j] for j in range(3)]
                for i in range(3)]  # fmt: skip
        operator = Dense(np.block(grid))
        return lambda r: operator.chord(r)

    def _matrix_free(self, t: float, stages: Any, h: float) -> tuple[list[Any], Function]:
        def residual(z: Any) -> Any:
            return _defect(z, 0.0 * z[0], h, self._values(t, h, z))

        with muted():
            _, operator = linearised(residual, stages)
        return self._values(t, h, stages), lambda r: operator.chord(r)

    def at(self, step: Step, t: float) -> Any:
        """Interpolate by the collocation polynomial, through the start and the stages."""
        x = (t - step.t) / step.h
        nodes = np.array([0.0, *_C])
        weights = []
        for i in range(4):
            others = np.delete(nodes, i)
            weights.append(float(np.prod((x - others) / (nodes[i] - others))))
        return weighted_sum(step.y, *step.stages, weights=tuple(weights))


def _defect(stages: Any, y: Any, h: float, values: list[Any]) -> Any:
    """Return Yᵢ − y − h·Σⱼ aᵢⱼ·f(t + cⱼh, Yⱼ), for the three stages."""
    rows = [
        stages[i] - weighted_sum(y, *values, weights=(1.0, *(float(h * a) for a in _A[i])))
        for i in range(3)
    ]
    return np.stack(rows)

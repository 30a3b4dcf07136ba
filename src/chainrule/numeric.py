"""Numerical derivatives: the complex step where it is valid, extrapolated differences elsewhere.

References: W. Squire and G. Trapp, Using complex variables to estimate derivatives of real
functions, SIAM Review 40 (1998) 110–112; C. J. F. Ridders, Accurate computation of F'(x) and
F'(x)F''(x), Advances in Engineering Software 4 (1982) 75–76.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Vector = Any
_TINY = 1e-20  # the complex step: no subtraction follows, so it cannot be too small
_COLUMNS = 6  # extrapolations kept; more only amplify rounding


def flat(arrays: Sequence[Any]) -> Vector:
    """Return all entries of `arrays` as one vector."""
    parts = [np.ravel(a) for a in arrays]
    return np.concatenate(parts) if parts else np.zeros(0)


def differences(
    g: Callable[[float], Vector], step: float = 0.0625, rounds: int = 9
) -> tuple[Vector, Vector]:
    """Differentiate ``g`` at 0 by central differences, Richardson-extrapolated.

    g'(0) ≈ (g(h) − g(−h))/2h with h halved `rounds` times; every entry of the answer is taken
    where its own error estimate is least. Steps that leave the domain (NaN, inf, an exception)
    are passed over. An answer that the plain difference at the smallest step contradicts came
    from steps across kinks or jumps: it is taken again with smaller ones, twice at most, and then
    its error is the contradiction. Returns the derivative and its estimated error.
    """
    for attempt in range(3):
        best, error, plain = _ridders(g, step / 2.0 ** (attempt * rounds), rounds)
        gap = abs(plain - best)
        if not np.any(gap > 1e-3 * (1 + abs(best))):
            break
        error = np.maximum(error, gap)
    return best, error


def _ridders(g: Callable[[float], Vector], step: float, rounds: int) -> tuple[Any, Any, Any]:
    """Return the extrapolated derivative, its error estimate and the plainest difference."""
    best: Any = None
    error: Any = None
    last: list[Any] = []
    with np.errstate(all="ignore"):
        for i in range(rounds):
            h = step / 2.0**i
            try:
                row = [(g(h) - g(-h)) / (2 * h)]
            except (ArithmeticError, ValueError, np.linalg.LinAlgError):
                last = []
                continue
            if best is None:
                best = np.full(row[0].shape, np.nan, row[0].dtype)
                error = np.full(row[0].shape, np.inf)
            for j, before in enumerate(last[:_COLUMNS]):
                factor = 4.0 ** (j + 1)
                row.append((factor * row[j] - before) / (factor - 1))
                estimate = np.maximum(abs(row[j + 1] - row[j]), abs(row[j + 1] - before))
                better = estimate < error
                best = np.where(better, row[j + 1], best)
                error = np.where(better, estimate, error)
            last = row
    if not last:
        raise ArithmeticError("the function could not be evaluated on both sides of the point")
    return best, error, last[0]


def move(xs: Sequence[Any], vs: Sequence[Any], h: float) -> list[Any]:
    """Return x + h·v."""
    return [x + h * v for x, v in zip(xs, vs, strict=True)]


def directional(
    f: Callable[..., Sequence[Any]], xs: Sequence[Any], vs: Sequence[Any], rounds: int = 9
) -> tuple[Vector, Vector]:
    """Differentiate the outputs of ``f(*xs)`` along `vs`; return one vector and its error."""
    size = max([1.0, *(float(np.max(abs(x))) for x in xs if np.size(x))])
    reach = max([0.0, *(float(np.max(abs(v))) for v in vs if np.size(v))])
    if reach == 0.0:
        zero = flat(f(*xs)) * 0.0
        return zero, abs(zero)
    step = 0.0625 * min(size, 4.0) / reach
    return differences(lambda h: flat(f(*move(xs, vs, h))), step, rounds)


def complex_step(
    f: Callable[..., Sequence[Any]], xs: Sequence[Any], vs: Sequence[Any]
) -> Vector | None:
    """Differentiate along `vs` as Im f(x + ihv)/h; None where the function is not for it.

    Exact to the last digit where `f` is analytic and computed by complex arithmetic. Where it is
    not (abs, real, a comparison) the number is wrong: compare before you believe.
    """
    try:
        with np.errstate(all="ignore"):
            results = f(*move(xs, vs, _TINY * 1j))
            if any(r.dtype.kind != "c" for r in results):
                return None
            return flat([np.imag(r) / _TINY for r in results])
    except Exception:  # a function that takes no complex numbers says so in its own way
        return None


def random_like(x: Any, rng: np.random.Generator) -> Any:
    """Draw a direction with entries in [−1, 1], of the shape and dtype of `x`."""
    v = rng.uniform(-1, 1, np.shape(x))
    if x.dtype.kind == "c":
        v = v + 1j * rng.uniform(-1, 1, np.shape(x))
    return np.asarray(v, x.dtype)[()]


def inner(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """Return ⟨a, b⟩ = Re Σ aᵢbᵢ: no conjugation, the pairing of cotangents with tangents."""
    total: Any = 0.0
    for x, y in zip(a, b, strict=True):
        terms = x * y
        total = total + np.sum(np.real(terms) if terms.dtype.kind == "c" else terms)
    return total

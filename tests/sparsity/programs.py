"""Random programs: every step takes arrays made before, and makes one more.

A program is a function of one vector, and it is the same function at every call: what is drawn at
random is drawn when it is made. But its constants (masks, zeros of matrices, indices) can be
exchanged for others between two calls: `constants` is their number.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse, special

Step = Callable[[list[Any]], Any]


def program(rng: Any, n: int, length: int = 6) -> Callable[[Any], Any]:
    """Return a random program of a vector of `n` numbers."""
    seed = int(rng.integers(1 << 40))

    def f(x: Any) -> Any:
        draw = np.random.default_rng(seed)  # the same choices at every call
        made = [x]
        for _ in range(length):
            made.append(_step(draw, made))
        last = [np.ravel(v) for v in made[-2:]]
        return np.concatenate(last)

    f.__name__ = f"program_{seed}"
    return f


def _step(draw: Any, made: list[Any]) -> Any:
    a = made[draw.integers(len(made))] if draw.random() < 0.5 else made[-1]
    names = list(STEPS)
    for _ in range(20):
        found = STEPS[names[draw.integers(len(names))]](draw, a, made)
        if found is not None and 0 < np.size(found) <= 60:
            return found
    return np.tanh(a)


def _like(draw: Any, a: Any, made: list[Any]) -> Any:
    """Return another array that can be broadcast with `a`."""
    same = [v for v in made if np.shape(v) == np.shape(a)]
    b = same[draw.integers(len(same))]
    return b if draw.random() < 0.7 or np.ndim(a) == 0 else b[:1]


constants = [0]


def _few(draw: Any, shape: Any, share: float) -> Any:
    """Return a mask; which one hangs on the present constants."""
    return (draw.random(shape) + 0.37 * constants[0]) % 1 < share


def _mask(draw: Any, a: Any) -> Any:
    return _few(draw, np.shape(a), 0.5)


def _slice(draw: Any, a: Any, made: list[Any]) -> Any:
    if np.ndim(a) == 0:
        return None
    start, step = int(draw.integers(np.shape(a)[0])), int(draw.choice([1, 1, 2, -1]))
    return a[start::step]


def _gather(draw: Any, a: Any, made: list[Any]) -> Any:
    if np.ndim(a) == 0:
        return None
    n = np.shape(a)[0]
    return a[(draw.integers(n, size=int(draw.integers(1, 6))) + constants[0]) % n]


def _store(draw: Any, a: Any, made: list[Any]) -> Any:
    if np.ndim(a) == 0:
        return None
    out = np.zeros_like(a) if draw.random() < 0.5 else np.copy(_like(draw, a, made) + 0 * a)
    n = np.shape(a)[0]
    kind = draw.integers(3)
    if kind == 0:
        k = int(draw.integers(n))
        out[k:] = np.sin(a[: n - k])
    elif kind == 1:
        at = draw.permutation(n)[: int(draw.integers(1, n + 1))]
        out[at] = a[draw.integers(n, size=len(at))]
    else:
        out[_mask(draw, a)] = a.ravel()[0]
    return out


def _loop(draw: Any, a: Any, made: list[Any]) -> Any:
    if np.ndim(a) != 1:
        return None
    out = np.zeros_like(a)
    for i in range(len(a)):
        out[i] = a[i] * a[i - 1] if i % 3 else a[i] + (out[i - 1] if i else 0.0)
    return out


def _matmul(draw: Any, a: Any, made: list[Any]) -> Any:
    if np.ndim(a) == 0:
        return None
    m = int(draw.integers(1, 6))
    if draw.random() < 0.5:
        A = draw.normal(size=(m, np.shape(a)[0])) * _few(draw, (m, np.shape(a)[0]), 0.4)
        return A @ a
    A = draw.normal(size=(np.shape(a)[-1], m)) * _few(draw, (np.shape(a)[-1], m), 0.4)
    return a @ A


def _sparse(draw: Any, a: Any, made: list[Any]) -> Any:
    if np.ndim(a) == 0:
        return None
    n = np.shape(a)[0]
    A = sparse.csr_array(draw.normal(size=(n, n)) * _few(draw, (n, n), 0.3))
    return A @ a


def _axis(draw: Any, a: Any) -> Any:
    return None if draw.random() < 0.3 or np.ndim(a) == 0 else int(draw.integers(np.ndim(a)))


def _reduce(draw: Any, a: Any, made: list[Any]) -> Any:
    how = [np.sum, np.mean, np.max, np.min, np.prod, special.logsumexp, np.linalg.norm, np.std]
    reduce = how[draw.integers(len(how))]
    return reduce(a, axis=_axis(draw, a)) if np.ndim(a) else None


def _running(draw: Any, a: Any, made: list[Any]) -> Any:
    if np.ndim(a) == 0:
        return None
    axis = int(draw.integers(np.ndim(a)))
    return [np.cumsum, np.cumprod, np.sort, np.flip][draw.integers(4)](a, axis=axis)


def _fold(draw: Any, a: Any, made: list[Any]) -> Any:
    size = np.size(a)
    ways = [d for d in (2, 3, 4, 5) if size % d == 0]
    if not ways:
        return None
    b = np.reshape(a, (ways[draw.integers(len(ways))], -1))
    return b.T if draw.random() < 0.5 else b


def _join(draw: Any, a: Any, made: list[Any]) -> Any:
    b = made[draw.integers(len(made))]
    if draw.random() < 0.3:
        return np.stack([a, a * 2])
    return np.concatenate([np.ravel(a), np.ravel(b)[: int(draw.integers(1, 5))]])


def _branch(draw: Any, a: Any, made: list[Any]) -> Any:
    first = np.ravel(a)[0]
    return np.sin(a) if first > 0.3 else np.roll(np.ravel(a), 1)


def _where(draw: Any, a: Any, made: list[Any]) -> Any:
    b = _like(draw, a, made)
    kind = draw.integers(4)
    if kind == 0:
        return np.where(a > 0.2, a * a, b)
    if kind == 1:
        return np.where(_mask(draw, a), a, np.cos(b))
    if kind == 2:
        return np.maximum(a, b)
    return a * (a > 0.1)


def _masked(draw: Any, a: Any, made: list[Any]) -> Any:
    return a * (draw.normal(size=np.shape(a)) * _mask(draw, a))


def _convolve(draw: Any, a: Any, made: list[Any]) -> Any:
    kernel = draw.normal(size=3) * _few(draw, 3, 0.7)
    return np.convolve(np.ravel(a), kernel, "same") if np.size(a) > 2 else None


def _product(draw: Any, a: Any, made: list[Any]) -> Any:
    if np.ndim(a) == 1:
        return np.outer(a[:4], a[-3:]) if draw.random() < 0.5 else np.dot(a, np.roll(a, 1))
    if np.ndim(a) == 2:
        return a @ a.T if draw.random() < 0.5 else np.einsum("ij,ij->i", a, a)
    return None


def _layout(draw: Any, a: Any, made: list[Any]) -> Any:
    if np.ndim(a) == 0:
        return None
    if np.ndim(a) == 1:
        return [lambda a: np.diag(a[:6]), lambda a: np.pad(a, 1), lambda a: np.tile(a, 2),
                lambda a: np.repeat(a, 2), np.diff, lambda a: a[:, None] + a[:3],
                lambda a: np.pad(a, 2, "wrap"), np.gradient if len(a) > 1 else np.sin,
                ][draw.integers(8)](a)  # fmt: skip
    return [np.triu, np.tril, np.diagonal, lambda a: np.broadcast_to(a[:1], np.shape(a)),
            lambda a: np.trace(a), lambda a: a[..., ::-1]][draw.integers(6)](a)  # fmt: skip


def _solve(draw: Any, a: Any, made: list[Any]) -> Any:
    if np.ndim(a) != 1:
        return None
    return np.linalg.solve(np.eye(len(a)) * 3 + np.diag(np.ones(len(a) - 1), 1), a)


def _look_up(draw: Any, a: Any, made: list[Any]) -> Any:
    """Take elements at places that hang on the values."""
    if np.ndim(a) != 1:
        return None
    if draw.random() < 0.5:
        return a[np.argsort(a)[:3]]
    return a[np.clip(np.floor(np.abs(a) * 3), 0, len(a) - 1).astype(int)]


STEPS: dict[str, Any] = {
    "sine": lambda draw, a, made: np.sin(a),
    "power": lambda draw, a, made: a**2,
    "tanh": lambda draw, a, made: np.tanh(0.5 * a + 1),
    "floor": lambda draw, a, made: np.floor(a) * np.sin(a),
    "sum": lambda draw, a, made: a + _like(draw, a, made),
    "product": lambda draw, a, made: a * _like(draw, a, made),
    "quotient": lambda draw, a, made: a / (2 + _like(draw, a, made) ** 2),
    "roll": lambda draw, a, made: np.roll(a, int(draw.integers(-2, 3))),
    "slice": _slice, "gather": _gather, "store": _store, "loop": _loop, "matmul": _matmul,
    "sparse": _sparse, "reduce": _reduce, "running": _running, "fold": _fold, "join": _join,
    "branch": _branch, "where": _where, "masked": _masked, "convolve": _convolve,
    "outer": _product, "layout": _layout, "solve": _solve, "look up": _look_up,
}  # fmt: skip

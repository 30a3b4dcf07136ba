"""Forms of NumPy that are no function: indexing, stores, methods, keyword arguments of ufuncs.

Each is written as a function with samples, so that every law of the registry runs on it too.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import signal

from chainrule.core.op import Composite, Const, Sample

FORMS: list[Composite] = []


def form(*samples: tuple[Any, ...]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function: it is a record whose `samples` are tuples of arguments."""

    def decorate(f: Callable[..., Any]) -> Callable[..., Any]:
        calls = tuple(Sample(s) for s in samples)
        FORMS.append(Composite(f.__name__, f, f, calls))
        return f

    return decorate


INDICES = (
    1, -1, slice(None), slice(1, None, 2), slice(None, None, -1), ..., None, (0, 1), (..., 0),
    (slice(None), None, 1), (0, ..., None), np.array([0, 1, 0]), [1, 0], np.array([[0], [1]]),
    (np.array([0, 1]), np.array([2, 0])), (slice(None), np.array([2, 0, 2])),
    (np.array([0, 1, 1]), slice(1, 3)), (np.array([[0], [1]]), np.array([0, 2])),
    np.array([[True, False, True], [False, True, True]]),
    (slice(None), np.array([True, False, True])),
    (np.array([True, False]), 1), np.array([], int), np.zeros((2, 3), bool), np.int64(1),
    (np.array([1, 0]), None, np.array([2, 2])), True, np.array(True),
)  # fmt: skip


@form(*(((2, 3), Const(i)) for i in INDICES))
def reading(x: Any, index: Any) -> Any:
    return x[index]


@form(*(((2, 3), Const(i)) for i in INDICES))
def storing_a_scalar(x: Any, index: Any) -> Any:
    y = x * x
    y[index] = x[0, 0] * 2
    return y


@form(*(((2, 3), Const(i)) for i in INDICES))
def storing_an_array(x: Any, index: Any) -> Any:
    y = x * 1.0
    y[index] = (x * x)[index]
    return y


@form(((4,), (3,)))
def storing_twice_into_one_place(x: Any, v: Any) -> Any:
    y = x * 1.0
    y[np.array([1, 3, 1])] = v
    return y


@form(((2, 3), (3,)), ((2, 3), ()), ((2, 3), (2, 1)))
def storing_with_broadcasting(x: Any, v: Any) -> Any:
    y = x * 1.0
    y[:, ::-1] = v * v
    return y


@form(((3, 4), (2,)))
def storing_through_views_of_views(x: Any, v: Any) -> Any:
    y = x * x
    inner = y.T[1:3][:, ::2]
    before = inner * 1.0
    inner[0] = v
    inner *= 2.0
    y[0, 0] = y[2, 2]
    return y * y, inner, before


@form(((3,), (3,)))
def augmented_assignments(x: Any, v: Any) -> Any:
    y = x * 1.0
    y += v
    y *= x
    y -= 2
    y /= v * v + 1
    y **= 2
    return y


@form(((2, 3), (2, 3)))
def out_and_where(x: Any, v: Any) -> Any:
    y = x * 1.0
    np.multiply(x, v, out=y)
    np.add(y, v, out=y, where=np.array([True, False, True]))
    np.exp(v[:1], out=y[0:1], where=np.array([False, True, True]))
    return y


@form(((4,), (3,)))
def unbuffered_at(x: Any, v: Any) -> Any:
    y = x * 1.0
    i = np.array([0, 2, 0])
    np.add.at(y, i, v)
    np.subtract.at(y, i, v * v)
    np.multiply.at(y, i, v)
    np.negative.at(y, np.array([1, 1]))
    np.add.at(y, (slice(1, 3),), 2.0)
    counts = np.zeros(4)
    np.add.at(counts, i, 1.0)
    return y * counts


@form(((2, 3),), ((3,),))
def ufunc_methods(x: Any) -> Any:
    return (
        np.add.reduce(x, axis=-1), np.multiply.reduce(x, axis=-1), np.maximum.reduce(x, axis=-1),
        np.add.accumulate(x, axis=-1), np.multiply.accumulate(x, axis=-1),
        np.subtract.outer(x, x), np.add.reduceat(x, [0, 2, 1], axis=-1),
        np.divide.reduce(x, axis=-1), np.minimum.accumulate(x, axis=-1),
    )  # fmt: skip


@form(((2, 3),))
def methods(x: Any) -> Any:
    return (
        x.sum(0), x.T, x.reshape(3, 2), x.ravel(), x.flatten(), x.copy(), x.swapaxes(0, 1),
        x.transpose(1, 0), x.squeeze(), x.astype(np.float64), x.mean(), x.max(1), x.cumsum(),
        x.clip(-1, 1), x.take([0, 2], axis=1), x.repeat(2, axis=0), x.diagonal(), x.trace(),
        x.dot(x.T), x.prod(), x.std(), x.var(0), x.min(),
        x.item(1) * x[0, 0], x.real, +x, -x, abs(x),
    )  # fmt: skip


@form(((3,), (3,)))
def operators(x: Any, v: Any) -> Any:
    return (
        x + v, x - v, x * v, x / (v * v + 1), abs(x) ** v, x**2, 2.0**x, x @ v, x % 1.7, 3 - x,
        1 / (x * x + 1), x // 0.7, divmod(x, 0.9)[1], -x, np.array([1.0, 2.0, 3.0]) @ v,
        [1.0, 2.0, 3.0] + x,  # noqa: RUF005
    )  # fmt: skip


@form(((2, 3),))
def lists_of_traced_values(x: Any) -> Any:
    rows = [row * 2 for row in x]
    both = x + [rows[0], rows[1]]  # noqa: RUF005
    return np.stack(rows), np.concatenate(rows), both, np.add(rows[0], rows[1])


@form(((3,),))
def in_place_methods(x: Any) -> Any:
    y, z, w, u = x * 1.0, x * x, x * 2, x * 3
    y.sort()
    z.fill(x[1])
    w.partition(1)
    u.put([0, 2], x[:2] * x[1:])
    return y, z, w, u


@form(((2, 3), ()))
def reductions_from_a_traced_start(x: Any, c: Any) -> Any:
    return (
        np.sum(x, initial=c), np.sum(x, axis=0, initial=c), np.prod(x, initial=c),
        np.prod(x, axis=1, initial=c), np.max(x, initial=c), np.add.reduce(x, initial=c),
        np.sum(x, initial=c, where=np.array([True, False, True])),
    )  # fmt: skip


@form(((2, 3),), ((3, 2),))
def arrays_built_from_traced_numbers(x: Any) -> Any:
    buffer = np.zeros((2, 2), dtype=x.dtype)
    buffer[0] = x[0, :2]
    buffer[1, 1] = x[1, 0] * x[0, 1]
    return (
        np.array([[x[0, 0], 1.0], [x[1, 1] * 2, x[0, 1]]]), np.array([x[0], x[1] * x[0]]),
        np.asarray([x, x * 2]), np.asarray(x, dtype=x.dtype), np.ascontiguousarray(x.T),
        np.fromiter((v * v for v in x.ravel()), dtype=x.dtype), np.r_[x[0], 1.0, x[1, 0]],
        np.array(x.tolist(), dtype=x.dtype), sum(x.ravel()), buffer,
        np.vectorize(lambda a, b: a * b)(x[0], x[1]),
        np.apply_along_axis(lambda r: r * r[0], 1, x),
    )  # fmt: skip


@form(((2, 3), (2, 2), (5,)), ((2, 3), (2, 2), (2, 4)))
def sections_of_traced_coefficients(b: Any, a: Any, x: Any) -> Any:
    # SciPy wants ones in sos[:, 3], so a sample that varies all of sos is none
    sections = np.ascontiguousarray(np.hstack([b, np.ones((2, 1), b.dtype), 0.3 * a]))
    return signal.sosfilt(sections, x), signal.sosfilt(sections, x.T, axis=0)


@form(((2, 3), (2, 2), (4,), (2, 2)))
def sections_from_a_state(b: Any, a: Any, x: Any, state: Any) -> Any:
    sections = np.ascontiguousarray(np.hstack([b, np.ones((2, 1), b.dtype), 0.3 * a]))
    return signal.sosfilt(sections, x, zi=state)

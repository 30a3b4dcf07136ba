"""Whether a value that has steps stands at one: the field `jump` of an op's record.

Each takes the plain output and arguments. With a batch its axes stand in front of all of them.
"""

from typing import Any

import numpy as np


def at_zero(_y: Any, x: Any, *_: Any, **__: Any) -> bool:
    """Say whether an element of the first argument is 0."""
    return bool(np.any(np.equal(x, 0)))


def zero_result(y: Any, *_: Any, **__: Any) -> bool:
    """Say whether an element of the result is 0."""
    return bool(np.any(np.equal(y, 0)))


def when_equal(_y: Any, a: Any, b: Any, **_: Any) -> bool:
    """Say whether an element of `a` equals one of `b`; what is compared with itself has no step."""
    return a is not b and bool(np.any(np.equal(a, b)))


def in_order(_y: Any, x: Any, *_: Any, axis: Any = -1, **__: Any) -> bool:
    """Say whether two elements that are put in order are equal."""
    x = np.asarray(x)
    if axis is None or not -x.ndim <= axis < x.ndim:
        x, axis = np.ravel(x), -1
    ranked = np.sort(x, axis=axis)
    return bool(np.any(np.diff(np.moveaxis(ranked, axis, -1), axis=-1) == 0))


def among(_y: Any, a: Any, v: Any, *_: Any, **__: Any) -> bool:
    """Say whether an element of one argument is found in the other, a list of knots."""
    return bool(np.any(np.isin(v, a)))


def truth(_y: Any, *xs: Any, **_: Any) -> bool:
    """Say whether a number that is taken for true or false is 0."""
    return any(np.asarray(x).dtype.kind in "fc" and bool(np.any(np.equal(x, 0))) for x in xs)


def at_knot(_y: Any, x: Any, knots: Any, *_: Any, **__: Any) -> bool:
    """Say whether an element of `x` is one of the knots."""
    return bool(np.any(np.isin(x, knots)))


def any_equal(_y: Any, x: Any, *_: Any, **__: Any) -> bool:
    """Say whether two elements are equal, wherever they stand."""
    return in_order(None, x, axis=None)


def largest(_y: Any, x: Any, *_: Any, axis: Any = None, **__: Any) -> bool:
    """Say whether the greatest element stands there more than once."""
    return _again(np.asarray(x), axis, np.max)


def smallest(_y: Any, x: Any, *_: Any, axis: Any = None, **__: Any) -> bool:
    """Say whether the least element stands there more than once."""
    return _again(np.asarray(x), axis, np.min)


def _again(x: Any, axis: Any, best: Any) -> bool:
    if not x.size:
        return False
    return bool(np.any(np.sum(x == best(x, axis=axis, keepdims=True), axis=axis) > 1))


def shared(chosen: Any, *_: Any, axis: Any = None, **__: Any) -> bool:
    """Say whether more than one element along the axes is chosen."""
    return bool(np.any(np.count_nonzero(chosen, axis=axis) > 1))


def chosen(y: Any, *_: Any, **__: Any) -> bool:
    """Say whether the result, or the first of several, chooses anything."""
    return bool(np.any(y[0] if isinstance(y, tuple) else y))

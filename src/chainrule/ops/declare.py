"""The verbs that the families of operations are written with."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.op import REAL, Interval, Notation, Op, Sample
from ..core.registry import declare
from ..core.slots import INDEX, Partial

_SHAPES: dict[int, tuple[Sample, ...]] = {
    1: (Sample(((),)), Sample(((3, 4),)), Sample(((0,),)), Sample(((2, 1, 3),))),
    2: (
        Sample(((), ())),
        Sample(((3, 4), (3, 4))),
        Sample(((3, 4), (4,))),
        Sample(((2, 1, 3), (4, 1))),
        Sample(((), (2, 3))),
        Sample(((0,), (1,))),
    ),
}


def elementwise(
    function: Any,
    *partials: Callable[..., Any] | float,
    text: str = "",
    latex: str = "",
    rule: str = "",
    domain: tuple[Interval, ...] | None = None,
    name: str = "",
    value: Any = None,
    level: int = 100,
    operands: tuple[int, ...] = (),
    **data: Any,
) -> Op:
    """Declare a ufunc by its partials, one per argument, each a function of (y, *xs)."""
    arity = len(partials)
    return declare(
        Op(
            name or function.__name__,
            value or function,
            tuple(Partial(p) for p in partials),
            function=function,
            notation=Notation(text, latex, level, operands, rule),
            domain=domain or (REAL,) * arity,
            samples=data.pop("samples", _SHAPES[arity]),
            **data,
        )
    )


def constant(function: Any, arity: int = 1, **data: Any) -> Op:
    """Declare a function through which nothing flows: comparisons, logic, rounding, indices."""
    return declare(
        Op(
            data.pop("name", function.__name__),
            data.pop("value", function),
            (INDEX,) * arity,
            function=function,
            **data,
        )
    )


def constant_call(function: Any, *arrays: str, **data: Any) -> Op:
    """Declare an array function through which nothing flows, by the names of its array arguments.

    The other arguments are params, as they were given; an array argument that was left out is
    None. The value is a NumPy array or scalar, also where NumPy returns a Python number.
    """
    names = tuple(inspect.signature(function).parameters)
    leading = names[: len(arrays)] == arrays

    def bind(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        given = dict(zip(names, args, strict=False)) | kwargs
        given.pop("out", None)
        return tuple(operand(given.pop(name, None)) for name in arrays), given

    def value(*xs: Any, **params: Any) -> Any:
        if leading and xs[-1] is not None:
            result = function(*xs, **params)
        else:
            result = function(**dict(zip(arrays, xs, strict=True)), **params)
        return result if hasattr(result, "dtype") else np.asarray(result)[()]

    return constant(function, len(arrays), value=value, bind=bind, **data)


def operand(value: Any) -> Any:
    """Turn a list or tuple into an array; traced elements are stacked, and stay traced."""
    if value.__class__ not in (list, tuple):
        return value
    if all(v.__class__ in _NUMBERS or isinstance(v, np.generic) for v in value):
        return np.asarray(value)
    return np.stack([operand(v) for v in value])


_NUMBERS = (int, float, complex, bool, str)


def as_array(value: Any) -> Any:
    """Turn what is no array yet (a number, a list) into one; traced values stay traced."""
    value = operand(value)
    return value if hasattr(value, "dtype") else np.asarray(value)

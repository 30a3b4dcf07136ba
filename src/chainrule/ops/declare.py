"""The verbs that the families of operations are written with."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.op import REAL, Interval, Notation, Op, Sample
from ..core.registry import declare
from ..core.sequences import elements
from ..core.slots import INDEX, Partial

EVERYWHERE: Interval = (-math.inf, math.inf)
ABOVE_ZERO: Interval = (0.0, math.inf)

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
    *partials: Callable[..., Any] | float | Partial,
    text: str = "",
    latex: str = "",
    rule: str = "",
    domain: tuple[Interval, ...] | None = None,
    name: str = "",
    value: Any = None,
    level: int = 100,
    operands: tuple[int, ...] = (),
    selects: bool = False,
    **data: Any,
) -> Op:
    """Declare a ufunc by its partials, one per argument, each a function of (y, *xs).

    Without `text` it is written as a call, ``name(x, y)``; `latex` may be the bare name of the
    function.
    """
    arity = len(partials)
    name = name or function.__name__
    if not operands and "{0}" not in text + latex:
        text, latex = _as_call(name, text, latex, arity)
        operands = (0,) * arity
    return declare(
        Op(
            name,
            value or function,
            tuple(p if type(p) is Partial else Partial(p, selects) for p in partials),
            function=function,
            notation=Notation(text, latex, level, operands, rule),
            domain=domain or (REAL,) * arity,
            samples=data.pop("samples") if "samples" in data else _SHAPES[arity],
            **data,
        )
    )


def over(lower: Callable[..., Any], upper: Callable[..., Any] | float = 1.0) -> Partial:
    """Declare the partial upper / lower, by which what arrives is divided first."""
    return Partial(upper, over=lower)


def _as_call(name: str, text: str, latex: str, arity: int) -> tuple[str, str]:
    """Return the templates of a function call in text and in LaTeX."""
    places = ", ".join(f"{{{k}}}" for k in range(arity))
    head = latex or "\\operatorname{{" + name.replace("_", "\\_") + "}}"
    return f"{text or name}({places})", f"{head}\\left({places}\\right)"


def constant(function: Any, arity: int = 1, **data: Any) -> Op:
    """Declare a function through which nothing flows: comparisons, logic, rounding, indices."""
    return declare(
        Op(
            data.pop("name", "") or function.__name__,
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
    try:
        names = tuple(inspect.signature(function).parameters)
    except ValueError:  # compiled functions of NumPy before 2.4 do not tell theirs
        names = tuple(str(data.pop("signature")).split())
    data.pop("signature", None)
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
    """Turn a list or any sequence into an array; traced elements are stacked, and stay traced."""
    found = elements(value)
    if found is None:
        return value
    if all(type(v) in _NUMBERS or issubclass(type(v), np.generic) for v in found):
        return np.asarray(found)
    return np.stack([operand(v) for v in found])


_NUMBERS = (int, float, complex, bool, str)


def deliver(result: Any, out: Any) -> Any:
    """Return `result`, or store it into `out` where the call gave one by position."""
    if out is None:
        return result
    out[...] = result
    return out


def as_array(value: Any) -> Any:
    """Turn what is no array yet (a number, a list) into one; traced values stay traced."""
    value = operand(value)
    return value if hasattr(value, "dtype") else np.asarray(value)


def zeros_for(x: Any, shape: tuple[int, ...]) -> Any:
    """Make zeros to put `x` into: a plain array, or one of the library that `x` is of."""
    if isinstance(x, np.ndarray | np.generic):
        return np.zeros(shape, x.dtype)
    return np.zeros_like(x, shape=shape)

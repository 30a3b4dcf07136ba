"""The verbs that the families of operations are written with."""

from collections.abc import Callable
from typing import Any

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

"""`check_op`: every law on one operation's record."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..core.op import Composite, Op
from . import first, higher, structure
from .samples import Case, Record, cases

CaseLaw = Callable[[Case], None]


def order_two(case: Case) -> None:
    """Second derivatives: all nestings, differences, symmetry."""
    higher.nested(case, 2)
    higher.symmetric(case)


def order_three(case: Case) -> None:
    """Third derivatives of small calls."""
    if sum(np.size(x) for x in case.xs) <= 9:
        higher.nested(case, 3)


def first_order(case: Case) -> None:
    """Both modes at one point."""
    first.forward(case)
    first.reverse(case)


REAL_LAWS: tuple[CaseLaw, ...] = (
    first.value, first_order, first.each_alone, first.jacobians, first.zeros, first.layouts,
    first.transposed_twice, structure.linear, structure.equations, structure.pieces,
    structure.shortcuts, structure.keeping, order_two,
)  # fmt: skip


def check_op(
    record: Record, laws: Iterable[CaseLaw] = REAL_LAWS, kinds: Iterable[str] = "dfD"
) -> int:
    """Run the laws on every sample of an op's record; return the number of calls checked.

    The values are drawn from the op's declared domain, away from its kinks, in float64, float32
    and complex128 (`kinds`, as dtype characters): the dtype must be kept and the value be
    NumPy's, the rules must be the derivative in both modes, and the declarations must hold.

    Raises
    ------
    CheckError : which law fails for which call, and the numbers that differ.

    >>> from chainrule.core.registry import op_named
    >>> from chainrule.testing import check_op
    >>> check_op(op_named("sin")) > 0
    True
    """
    count = 0
    chosen, kinds = tuple(laws), tuple(kinds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(record, Op):
            structure.reading(record)
        for kind in kinds:
            for case in cases(record, np.dtype(kind)):
                count += 1
                for law in _for_kind(kind, chosen):
                    law(case)
        order_three_once(record, kinds)
    return count


def _for_kind(kind: str, chosen: tuple[CaseLaw, ...]) -> tuple[CaseLaw, ...]:
    if kind == "D":
        return (first.complex_inputs,)
    return chosen if kind == "d" else (first.value, first.reverse)


def order_three_once(record: Record, kinds: Any = "d") -> None:
    """Check the third order on the smallest of the samples that is not empty."""
    if "d" in kinds:
        case = smallest(record)
        if case is not None:
            order_three(case)


def smallest(record: Op | Composite, least: int = 1) -> Case | None:
    """Return the sample call with the fewest entries, at least `least` of them."""
    found = [c for c in cases(record) if sum(np.size(x) for x in c.xs) >= least]
    return min(found, key=lambda c: sum(np.size(x) for x in c.xs), default=None)

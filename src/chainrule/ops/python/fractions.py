"""Python's fractions beside traced numbers. Loaded when the program has imported `fractions`."""

import operator
from fractions import Fraction
from typing import Any

from ...core.registry import composite

_TURNED = {
    operator.lt: operator.gt, operator.le: operator.ge, operator.gt: operator.lt,
    operator.ge: operator.le,
}  # fmt: skip


@composite(Fraction._richcmp, name="fractions.Fraction._richcmp")  # type: ignore[attr-defined]
def compared(self: Any, other: Any, op: Any) -> Any:
    """Compare with a traced number, which compares with the fraction as its plain one does."""
    return _TURNED[op](other, self) if isinstance(other, float) else NotImplemented


@composite(Fraction.__eq__, name="fractions.Fraction.__eq__")
def equal(a: Any, b: Any) -> Any:
    """Ask a traced number whether it equals the fraction."""
    return b == a if isinstance(b, float) else NotImplemented  # an array answers itself

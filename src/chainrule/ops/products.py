"""Products of arrays, declared by their index equations."""

from typing import Any

import numpy as np

from ..core.op import Notation, Op, sample
from ..core.registry import declare
from ..core.slots import Linear
from .reduce import LETTERS


def matmul_equation(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    """Return the index equation of ``a @ b``; a batch axis of length 1 gets a letter of its own."""
    letters = iter(LETTERS[3:])
    row, inner, column = "a", "b", "c"
    left = row + inner if len(a) > 1 else inner
    right = inner + column if len(b) > 1 else inner
    batch_a, batch_b = a[:-2], b[:-2]
    n = max(len(batch_a), len(batch_b))
    head_a = head_b = head = ""
    for i in range(-n, 0):
        p = batch_a[i] if -i <= len(batch_a) else None
        q = batch_b[i] if -i <= len(batch_b) else None
        letter = next(letters)
        own = {k: letter for k in (p, q)}
        if p is not None and q is not None and p != q:
            own[1] = next(letters)
        if p is not None:
            head_a += own[p]
        if q is not None:
            head_b += own[q]
        head += letter
    out = head + (row if len(a) > 1 else "") + (column if len(b) > 1 else "")
    return f"{head_a}{left},{head_b}{right}->{out}"


_EQUATION = Linear(equation=matmul_equation)

matmul = declare(
    Op(
        "matmul",
        np.matmul,
        (_EQUATION, _EQUATION),
        function=np.matmul,
        complex=True,
        notation=Notation("{0} {1}", "{0}\\,{1}", 20, (20, 21), "d(AB) = dA·B + A·dB"),
        samples=(
            sample((2, 3), (3, 4)), sample((3,), (3,)), sample((2, 3), (3,)), sample((3,), (3, 2)),
            sample((5, 2, 3), (3, 4)), sample((1, 2, 3), (5, 3, 4)), sample((4, 1, 2, 3), (5, 3, 2)),
            sample((2, 0), (0, 3)), sample((3,), (2, 3, 2)),
        ),
    )
)  # fmt: skip

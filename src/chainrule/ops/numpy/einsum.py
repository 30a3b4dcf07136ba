"""`np.einsum`: the product of arrays that is written as an index equation.

Both calling formats, implicit output, ellipses, repeated letters and axes of length 1 that
broadcast are brought to one explicit equation, from which the engine reads the transpose.
"""

from typing import Any

import numpy as np

from ...core.op import Const, Notation, Op, sample
from ...core.registry import declare
from ...core.slots import Linear
from ..declare import as_array
from .reduce import LETTERS

Shape = tuple[int, ...]


def _subscripts(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """Return the subscripts as one string, and the operands: both calling formats."""
    if isinstance(args[0], str):
        return args[0].replace(" ", ""), [as_array(a) for a in args[1:]]
    operands = [as_array(a) for a in args[: 2 * (len(args) // 2) : 2]]
    lists = [_from_list(s) for s in args[1::2]]
    text = ",".join(lists)
    if len(args) % 2:
        text += "->" + _from_list(args[-1])
    return text, operands


def _from_list(subscripts: Any) -> str:
    return "".join("..." if s is Ellipsis else LETTERS[int(s)] for s in subscripts)


def _explicit(text: str, ranks: list[int]) -> str:
    """Write the output out, and a letter for every axis of an ellipsis."""
    left, arrow, out = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError("einsum: the subscripts name another number of operands than was given")
    free = [c for c in reversed(LETTERS) if c not in text]
    most = 0
    for i, (term, rank) in enumerate(zip(terms, ranks, strict=True)):
        extra = rank - len(term.replace("...", ""))
        if extra < 0 or (extra and "..." not in term):
            raise ValueError(f"einsum: operand {i} has {rank} axes, its subscripts are {term!r}")
        most = max(most, extra)
        terms[i] = term.replace("...", "".join(reversed(free[:extra])))
    dots = "".join(reversed(free[:most]))
    if not arrow:
        letters = "".join(t for t in terms)
        once = sorted(c for c in set(letters) if letters.count(c) == 1 and c not in dots)
        out = dots + "".join(once)
    out = out.replace("...", dots)
    return ",".join(terms) + "->" + out


def einsum_equation(*shapes: Shape, subscripts: str, optimize: Any = False) -> str:
    """Return the index equation, where an axis of length 1 against a longer one is its own."""
    left, out = subscripts.split("->")
    terms = left.split(",")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for c, n in zip(term, shape, strict=True):
            sizes[c] = n if sizes.get(c, 1) == 1 else sizes[c]
    free = iter([c for c in LETTERS if c not in subscripts])
    named = [
        "".join(
            next(free) if n == 1 and sizes[c] != 1 else c for c, n in zip(term, shape, strict=True)
        )
        for term, shape in zip(terms, shapes, strict=True)
    ]
    return ",".join(named) + "->" + out


def _bind_einsum(*args: Any, out: Any = None, optimize: Any = False, **options: Any) -> Any:
    text, operands = _subscripts(args)
    if options.get("dtype") is not None:
        operands = [x.astype(options["dtype"]) for x in operands]
    path = tuple(tuple(p) if isinstance(p, list) else p for p in optimize) if isinstance(
        optimize, list | tuple
    ) else optimize
    return tuple(operands), {
        "subscripts": _explicit(text, [x.ndim for x in operands]), "optimize": path,
    }


def _einsum(*operands: Any, subscripts: str, optimize: Any = False) -> Any:
    path = list(optimize) if isinstance(optimize, tuple) else optimize
    return as_array(np.einsum(subscripts, *operands, optimize=path))[()]


einsum = declare(
    Op(
        "einsum",
        _einsum,
        (Linear(equation=einsum_equation),),
        variadic=True,
        bind=_bind_einsum,
        function=np.einsum,
        view="gather",
        complex=True,
        notation=Notation(
            rule="a sum of products over the "
            "letters that the output lacks: each factor passes on the product of the others",
        ),
        samples=(
            sample("ij,jk->ik", (2, 3), (3, 2)), sample("ij,jk", (2, 3), (3, 2)),
            sample("ii->i", (3, 3)), sample("ii", (3, 3)), sample("ij->", (2, 3)),
            sample("ij->ji", (2, 3)), sample("...ij,...jk->...ik", (4, 2, 3), (3, 2)),
            sample("i,j,k->ijk", (2,), (3,), (2,)), sample("iij,jk->ki", (2, 2, 3), (3, 2)),
            sample("ij,ij->i", (2, 3), (2, 3)), sample("ij,kj->ik", (2, 1), (2, 3)),
            sample((2, 3), Const([0, 1]), (3, 2), Const([1, 2]), Const([0, 2])),
            sample("ij,jk,kl->il", (2, 3), (3, 2), (2, 2), optimize=True),
            sample("b...,b...->...", (2, 3), (2, 3)), sample(",i->i", (), (3,)),
            sample("ij,jk->ik", (0, 2), (2, 2)),
            *(sample("ij,jk->ik", (2, 3), (3, 2), order=order) for order in "CFAK"),
        ),
    )
)  # fmt: skip

"""Index equations: ``ij,jk->ik``. Their transpose swaps the sides.

`contract` evaluates an equation over one or two operands by products of matrices; it is written
in plain NumPy, so it runs on tracers, and every order of derivative is again such an equation.
"""

from functools import lru_cache
from typing import Any

import numpy as np


@lru_cache(maxsize=4096)
def parse(equation: str) -> tuple[tuple[str, ...], str]:
    """Split ``"ij,jk->ik"`` into its operands' letters and its output's."""
    left, right = equation.split("->")
    return tuple(left.split(",")), right


@lru_cache(maxsize=4096)
def swap(equation: str, k: int) -> str:
    """Return the equation of the transpose in operand `k`: its letters and the output's swap."""
    operands, output = parse(equation)
    others = [o for j, o in enumerate(operands) if j != k]
    return ",".join([output, *others]) + "->" + operands[k]


def transpose_of(equation: Any, k: int, ct: Any, node: Any) -> Any:
    """Pull `ct` back through argument `k` of a node whose slot declares `equation`."""
    shapes = [p.shape if hasattr(p, "shape") else np.shape(p) for p in node.primals]
    text = equation(*shapes, **node.params)
    others = [p for j, p in enumerate(node.primals) if j != k]
    return contract(swap(text, k), ct, *others, shape=node.inputs[k].shape)


def contract(equation: str, *operands: Any, shape: tuple[int, ...]) -> Any:
    """Evaluate an index equation.

    A letter of the output that no operand has is a repetition, whose length `shape` tells; a
    letter repeated in the output of a one-operand equation is a diagonal.
    """
    inputs, output = parse(equation)
    if len(operands) == 1:
        return _single(operands[0], inputs[0], output, shape)
    if len(operands) > 2:
        return _many(inputs, output, operands, shape)
    fast = _FAST.get(_canonical(equation))
    if fast is not None:
        return fast(*operands)
    return _pair(inputs[0], inputs[1], output, *operands, shape=shape)


_FAST = {
    "ab,cb->ac": lambda a, b: a @ b.T,
    "ab,ac->cb": lambda a, b: b.T @ a,
    "ab,bc->ac": lambda a, b: a @ b,
    "ab,ac->bc": lambda a, b: a.T @ b,
    "a,b->ab": lambda a, b: a[:, None] * b,
    "a,b->ba": lambda a, b: b[:, None] * a,
    "a,ab->b": lambda a, b: a @ b,
    "a,ba->b": lambda a, b: b @ a,
    "ab,b->a": lambda a, b: a @ b,
    "ab,a->b": lambda a, b: b @ a,
    ",a->a": lambda a, b: a * b,
    "a,->a": lambda a, b: a * b,
    ",ab->ab": lambda a, b: a * b,
}


@lru_cache(maxsize=4096)
def _canonical(equation: str) -> str:
    names: dict[str, str] = {}
    out = []
    for c in equation:
        if c in ",->":
            out.append(c)
        else:
            out.append(names.setdefault(c, chr(ord("a") + len(names))))
    return "".join(out)


def _single(a: Any, letters: str, output: str, shape: tuple[int, ...]) -> Any:
    if len(set(letters)) < len(letters):
        a, letters = _diagonal(a, letters)
    gone = tuple(i for i, c in enumerate(letters) if c not in output)
    if gone:
        a = np.sum(a, axis=gone)
        letters = "".join(c for c in letters if c in output)
    return _spread(a, letters, output, shape)


def _diagonal(a: Any, letters: str) -> tuple[Any, str]:
    for c in dict.fromkeys(letters):
        while letters.count(c) > 1:
            i = letters.index(c)
            j = letters.index(c, i + 1)
            a = np.diagonal(a, axis1=i, axis2=j)
            letters = letters[:i] + letters[i + 1 : j] + letters[j + 1 :] + c
    return a, letters


def _spread(a: Any, letters: str, output: str, shape: tuple[int, ...]) -> Any:
    """Order the axes as in `output`, repeat along missing letters, embed repeated ones."""
    distinct = "".join(dict.fromkeys(output))
    order = [letters.index(c) for c in distinct if c in letters]
    if order != list(range(len(order))):
        a = np.transpose(a, order)
    sizes = dict(zip(output, shape, strict=True))
    if len(letters) < len(distinct):
        full = tuple(a.shape[sum(d in letters for d in distinct[:i])] if c in letters else 1
                     for i, c in enumerate(distinct))  # fmt: skip
        a = np.reshape(a, full)
        a = np.broadcast_to(a, tuple(sizes[c] for c in distinct))
    return a if distinct == output else _embed(a, distinct, output, shape)


def _embed(a: Any, distinct: str, output: str, shape: tuple[int, ...]) -> Any:
    """Put `a` on the diagonal that the repeated letters of `output` describe, zeros elsewhere."""
    for c in distinct:
        while distinct.count(c) < output.count(c):
            i = distinct.index(c)
            n = a.shape[i]
            mask = np.eye(n).reshape((n,) + (1,) * (a.ndim - i - 1) + (n,))
            a = np.expand_dims(a, -1) * mask.astype(a.dtype)
            distinct += c
    order = []
    free = list(range(len(distinct)))
    for c in output:
        i = next(k for k in free if distinct[k] == c)
        free.remove(i)
        order.append(i)
    return np.transpose(a, order)


def _pair(
    a: str, b: str, output: str, x: Any, y: Any, *, shape: tuple[int, ...]
) -> Any:
    """Contract two operands as one (batched) product of matrices."""
    if len(set(a)) < len(a):
        x, a = _diagonal(x, a)
    if len(set(b)) < len(b):
        y, b = _diagonal(y, b)
    x, a = _sum_lonely(x, a, b + output)
    y, b = _sum_lonely(y, b, a + output)
    batch = [c for c in a if c in b and c in output]
    inner = [c for c in a if c in b and c not in output]
    left = [c for c in a if c not in b]
    right = [c for c in b if c not in a]
    sizes = dict(zip(a, x.shape, strict=True)) | dict(zip(b, y.shape, strict=True))
    x = _block(x, a, batch, left, inner, sizes)
    y = _block(y, b, batch, inner, right, sizes)
    product = np.matmul(x, y)
    letters = batch + left + right
    product = np.reshape(product, tuple(sizes[c] for c in letters))
    return _spread(product, "".join(letters), output, shape)


def _sum_lonely(x: Any, letters: str, others: str) -> tuple[Any, str]:
    gone = tuple(i for i, c in enumerate(letters) if c not in others)
    if not gone:
        return x, letters
    return np.sum(x, axis=gone), "".join(c for c in letters if c in others)


def _block(
    x: Any, letters: str, batch: list[str], rows: list[str], columns: list[str], sizes: Any
) -> Any:
    order = [letters.index(c) for c in [*batch, *rows, *columns]]
    if order != list(range(len(order))):
        x = np.transpose(x, order)
    count = 1
    for c in rows:
        count *= sizes[c]
    width = 1
    for c in columns:
        width *= sizes[c]
    return np.reshape(x, (*[sizes[c] for c in batch], count, width))


def _many(inputs: tuple[str, ...], output: str, operands: Any, shape: Any) -> Any:
    """Contract from the left, two operands at a time, keeping the letters still wanted."""
    letters, value = inputs[0], operands[0]
    for i in range(1, len(operands)):
        rest = output if i == len(operands) - 1 else output + "".join(inputs[i + 1 :])
        together = dict.fromkeys(letters + inputs[i])
        keep = "".join(c for c in together if c in rest)
        if i == len(operands) - 1:
            return _pair(letters, inputs[i], output, value, operands[i], shape=shape)
        sizes = dict(zip(letters, value.shape, strict=True))
        sizes |= dict(zip(inputs[i], operands[i].shape, strict=True))
        between = tuple(sizes[c] for c in keep)
        value = _pair(letters, inputs[i], keep, value, operands[i], shape=between)
        letters = keep
    return value

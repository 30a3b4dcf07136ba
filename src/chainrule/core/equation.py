"""Index equations: ``ij,jk->ik``. Their transpose swaps the sides.

An equation over arrays of known shapes becomes a *plan* once: a function of the arrays, which is a
product of matrices between rearrangements. A plan is written in plain NumPy, so it runs on tracers,
and every order of derivative is again such an equation.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Plan = Callable[..., Any]
Step = Callable[[Any], Any]


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


_plans: dict[Any, Plan] = {}


def transpose_of(equation: Callable[..., str], k: int, ct: Any, node: Any) -> Any:
    """Pull `ct` back through argument `k` of a node whose slot declares `equation`."""
    primals, params = node.primals, node.params
    try:
        shapes = tuple([p.shape for p in primals])
    except AttributeError:
        shapes = tuple([np.shape(p) for p in primals])
    key = (equation, k, shapes, *params.items()) if params else (equation, k, shapes)
    try:
        found = _plans.get(key)
    except TypeError:  # unhashable params
        found = _transposed(equation(*shapes, **params), k, ct.shape, shapes)
    if found is None:
        if len(_plans) > 4096:
            _plans.clear()
        text = equation(*shapes, **params)
        found = _plans[key] = _transposed(text, k, ct.shape, shapes)
    if len(primals) == 2:
        return found(ct, primals[1 - k])
    return found(ct, *[p for j, p in enumerate(primals) if j != k])


def _transposed(text: str, k: int, shape: Shape, shapes: tuple[Shape, ...]) -> Plan:
    rest = [s for j, s in enumerate(shapes) if j != k]
    return plan(swap(text, k), (shape, *rest), shapes[k])


def contract(equation: str, *operands: Any, shape: Shape) -> Any:
    """Evaluate an index equation.

    A letter of the output that no operand has is a repetition, whose length `shape` tells; a
    letter repeated in the output is a diagonal.
    """
    return plan(equation, tuple(np.shape(a) for a in operands), shape)(*operands)


@lru_cache(maxsize=4096)
def plan(equation: str, shapes: tuple[Shape, ...], shape: Shape) -> Plan:
    """Return the function that evaluates an equation over operands of these shapes."""
    inputs, output = parse(equation)
    sizes = dict(zip(output, shape, strict=True))
    for letters, lengths in zip(inputs, shapes, strict=True):
        sizes |= dict(zip(letters, lengths, strict=True))
    if len(inputs) == 1:
        return _single(inputs[0], output, sizes)
    if len(inputs) > 2:
        return _many(list(inputs), output, sizes)
    fast = _FAST.get(_canonical(equation))
    return fast if fast is not None else _pair(inputs[0], inputs[1], output, sizes)


_FAST: dict[str, Plan] = {
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


def _canonical(equation: str) -> str:
    names: dict[str, str] = {}
    out = []
    for c in equation:
        if c in ",->":
            out.append(c)
        else:
            out.append(names.setdefault(c, chr(ord("a") + len(names))))
    return "".join(out)


def _run(steps: Sequence[Step]) -> Step:
    if len(steps) == 1:
        return steps[0]

    def run(a: Any) -> Any:
        for step in steps:
            a = step(a)
        return a

    return run


def _single(letters: str, output: str, sizes: dict[str, int]) -> Plan:
    steps: list[Step] = []
    letters = _diagonals(letters, steps)
    letters = _sum_lonely(letters, output, sizes, steps)
    _spread(letters, output, sizes, steps)
    return _run(steps)


def _diagonals(letters: str, steps: list[Step]) -> str:
    """Take the diagonal of axes that share a letter; it becomes the last axis."""
    for c in dict.fromkeys(letters):
        while letters.count(c) > 1:
            i = letters.index(c)
            j = letters.index(c, i + 1)
            steps.append(partial(np.diagonal, axis1=i, axis2=j))
            letters = letters[:i] + letters[i + 1 : j] + letters[j + 1 :] + c
    return letters


def _sum_lonely(letters: str, others: str, sizes: dict[str, int], steps: list[Step]) -> str:
    """Sum over the axes whose letters nobody else has; leave out those of length 1."""
    gone = tuple(i for i, c in enumerate(letters) if c not in others)
    if not gone:
        return letters
    kept = "".join(c for c in letters if c in others)
    if all(sizes[letters[i]] == 1 for i in gone):
        shape = tuple(sizes[c] for c in kept)
        steps.append(lambda a: np.reshape(a, shape))
    else:
        steps.append(lambda a: np.sum(a, axis=gone))
    return kept


def _spread(letters: str, output: str, sizes: dict[str, int], steps: list[Step]) -> None:
    """Order the axes as in `output`, repeat along missing letters, embed repeated ones."""
    distinct = "".join(dict.fromkeys(output))
    order = tuple(letters.index(c) for c in distinct if c in letters)
    if order != tuple(range(len(order))):
        steps.append(lambda a: np.transpose(a, order))
    if len(letters) < len(distinct):
        narrow = tuple(sizes[c] if c in letters else 1 for c in distinct)
        wide = tuple(sizes[c] for c in distinct)
        steps.append(lambda a: np.reshape(a, narrow))
        if wide != narrow:
            steps.append(lambda a: np.broadcast_to(a, wide))
    if distinct != output:
        _embed(distinct, output, sizes, steps)


def _embed(distinct: str, output: str, sizes: dict[str, int], steps: list[Step]) -> None:
    """Put the array on the diagonal that the repeated letters describe, zeros elsewhere."""
    for c in dict.fromkeys(distinct):
        while distinct.count(c) < output.count(c):
            i, n = distinct.index(c), sizes[c]
            mask = np.eye(n, dtype=bool).reshape((n,) + (1,) * (len(distinct) - i - 1) + (n,))
            steps.append(partial(_where, mask))
            distinct += c
    order = []
    free = list(range(len(distinct)))
    for c in output:
        i = next(k for k in free if distinct[k] == c)
        free.remove(i)
        order.append(i)
    steps.append(lambda a: np.transpose(a, tuple(order)))


def _where(mask: Any, a: Any) -> Any:
    return np.where(mask, np.expand_dims(a, -1), 0)


def _pair(a: str, b: str, output: str, sizes: dict[str, int]) -> Plan:
    """Contract two operands as one (batched) product of matrices."""
    first: list[Step] = []
    second: list[Step] = []
    a = _sum_lonely(_diagonals(a, first), b + output, sizes, first)
    b = _sum_lonely(_diagonals(b, second), a + output, sizes, second)
    rank = {c: i for i, c in enumerate(output)}
    batch = sorted((c for c in a if c in b and c in output), key=rank.__getitem__)
    inner = [c for c in a if c in b and c not in output]
    left = sorted((c for c in a if c not in b), key=rank.__getitem__)
    right = sorted((c for c in b if c not in a), key=rank.__getitem__)
    turned = bool(left and right and rank[right[0]] < rank[left[0]])
    _block(a, (batch, inner, left) if turned else (batch, left, inner), sizes, first)
    _block(b, (batch, right, inner) if turned else (batch, inner, right), sizes, second)
    after: list[Step] = []
    letters = batch + (right + left if turned else left + right)
    product = tuple(sizes[c] for c in letters)
    flat = (*(sizes[c] for c in batch), *(_count(g, sizes) for g in (left, right)))
    if product != (flat if not turned else (*flat[:-2], flat[-1], flat[-2])):
        after.append(lambda p: np.reshape(p, product))
    _spread("".join(letters), output, sizes, after)
    combine: Plan = np.matmul if inner else np.multiply
    prepare_a, prepare_b, finish = _run(first), _run(second), _run(after)
    if turned:
        return lambda x, y: finish(combine(prepare_b(y), prepare_a(x)))
    return lambda x, y: finish(combine(prepare_a(x), prepare_b(y)))


def _count(letters: Sequence[str], sizes: dict[str, int]) -> int:
    return math.prod(sizes[c] for c in letters)


def _block(
    letters: str, groups: tuple[Sequence[str], ...], sizes: dict[str, int], steps: list[Step]
) -> None:
    """Bring an operand to the axes batch, rows, columns, the last two of them one axis each."""
    batch, rows, columns = groups
    order = tuple(letters.index(c) for c in (*batch, *rows, *columns))
    if order != tuple(range(len(order))):
        steps.append(lambda x: np.transpose(x, order))
    if len(rows) != 1 or len(columns) != 1:
        shape = (*(sizes[c] for c in batch), _count(rows, sizes), _count(columns, sizes))
        steps.append(lambda x: np.reshape(x, shape))


def _many(inputs: list[str], output: str, sizes: dict[str, int]) -> Plan:
    """Contract two operands at a time: always the pair that leaves the smallest product."""
    rounds: list[tuple[int, int, Plan]] = []
    while len(inputs) > 2:
        best: Any = None
        for i in range(len(inputs)):
            for j in range(i + 1, len(inputs)):
                rest = output + "".join(c for k, c in enumerate(inputs) if k not in (i, j))
                kept = "".join(c for c in dict.fromkeys(inputs[i] + inputs[j]) if c in rest)
                if best is None or _count(kept, sizes) < best[0]:
                    best = (_count(kept, sizes), i, j, kept)
        _, i, j, kept = best
        rounds.append((i, j, _pair(inputs[i], inputs[j], kept, sizes)))
        inputs = [*(c for k, c in enumerate(inputs) if k not in (i, j)), kept]
    last = _pair(inputs[0], inputs[1], output, sizes)

    def run(*operands: Any) -> Any:
        values = list(operands)
        for i, j, pair in rounds:
            product = pair(values[i], values[j])
            values = [*(v for k, v in enumerate(values) if k not in (i, j)), product]
        return last(*values)

    return run

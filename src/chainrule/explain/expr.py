"""Expression trees: what every printer prints, and what every test evaluates again.

A tree is read off a recorded graph; it is never written by hand. `simplify` uses structural
identities only (1·a = a, −(−a) = a, a copy is its original), each of which keeps the value.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import is_
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from ..core.graph import Node
from ..core.op import Op
from ..core.registry import op_named
from .parameters import quiet


@dataclass(frozen=True, slots=True)
class Num:
    """A literal number."""

    value: Any
    shape: tuple[int, ...] = ()
    name: str = ""  # π and e have one
    rough: bool = False  # it is only near to what it stands for, whatever its digits


@dataclass(frozen=True, slots=True)
class Sym:
    """A named value; what it is called is told by the symbol table."""

    id: str
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class App:
    """An operation applied to operands."""

    op: str
    args: tuple["Expr", ...]
    params: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = ()


Expr = Num | Sym | App


def size(tree: Expr, limit: int = 10**6) -> int:
    """Count the operations of a tree; stop counting at `limit`."""
    count, stack = 0, [tree]
    while stack and count < limit:
        e = stack.pop()
        if isinstance(e, App):
            count += bool(e.args)  # zeros and an identity are none
            stack.extend(e.args)
    return count


def symbols(tree: Expr) -> Iterator[str]:
    """Iterate over the ids of the symbols in a tree, from left to right."""
    if isinstance(tree, Sym):
        yield tree.id
    elif isinstance(tree, App):
        for a in tree.args:
            yield from symbols(a)


def substitute(tree: Expr, replace: Callable[[Sym], Expr]) -> Expr:
    """Replace every symbol of a tree."""
    if isinstance(tree, Sym):
        return replace(tree)
    if isinstance(tree, App):
        return simplify(
            App(tree.op, tuple(substitute(a, replace) for a in tree.args), tree.params, tree.shape)
        )
    return tree


def apply(op: str, *args: Expr, shape: tuple[int, ...] | None = None, **params: Any) -> Expr:
    """Build a simplified application; the shape is that of broadcasting unless given."""
    if shape is None:
        shape = np.broadcast_shapes(*(a.shape for a in args))
    return simplify(App(op, args, params, shape))


def add_up(terms: list[Expr]) -> Expr:
    """Return the sum of the terms, from the left."""
    total = terms[0]
    for t in terms[1:]:
        total = apply("add", total, t)
    return total


_own: WeakValueDictionary[str, Op] = WeakValueDictionary()  # ops that are in no register


def key_of(op: Op) -> str:
    """Return what an operation is called in trees: a user's own rule gets a key of its own."""
    try:
        if op_named(op.name) is op:
            return op.name
    except KeyError:
        pass
    known = next((key for key, held in _own.items() if held is op), None)
    if known is None:
        known = f"own{len(_own) + 1}.{op.name}"
        _own[known] = op
    return known


def op_of(key: str) -> Op:
    """Return the operation of a tree; KeyError for those that only trees have."""
    return _own[key] if key in _own else op_named(key)


def is_one(e: Expr) -> bool:
    """Say whether a tree is the literal 1."""
    plain = isinstance(e, Num) and not isinstance(e.value, bool) and not e.rough
    return plain and bool(e.value == 1)  # type: ignore[union-attr]


def simplify(e: App) -> Expr:
    """Apply structural identities at the root of a tree whose operands are simple already."""
    rule = _IDENTITIES.get(e.op)
    return e if rule is None else rule(e)


def _multiply(e: App) -> Expr:
    a, b = e.args
    if is_one(a) and b.shape == e.shape:
        return b
    if is_one(b) and a.shape == e.shape:
        return a
    for row, matrix in ((a, b), (b, a)):  # a row that is repeated, times M, is M diag(row)
        vector = _repeated_row(row)
        if vector is not None and matrix.shape == e.shape:
            params = {"shape": (e.shape[1],) * 2, "offset": 0, "axis1": -2, "axis2": -1}
            diagonal = App("embed_diagonal", (vector,), params, (e.shape[1],) * 2)
            return App("matmul", (matrix, diagonal), {}, e.shape)
    for spread, other in ((a, b), (b, a)):  # (s·𝟏) ⊙ b = s·b
        if _is(spread, "multiply") and _is(spread.args[1], "ones") and other.shape == e.shape:
            if not spread.args[0].shape:
                return _multiply(App("multiply", (spread.args[0], other), {}, e.shape))
    if _is(b, "negative"):
        return App("negative", (_multiply(App("multiply", (a, b.args[0]), {}, e.shape)),), {},
                   e.shape)  # fmt: skip
    if _is(a, "negative"):
        return _negative(
            App("negative", (_multiply(App("multiply", (a.args[0], b), {}, e.shape)),), {}, e.shape)
        )
    return _outer(e)


def _repeated_row(e: Expr) -> Expr | None:
    """Return the vector whose entries stand in every row of a matrix."""
    if not _is(e, "broadcast_to") or len(e.shape) != 2 or not _is(e.args[0], "reshape"):
        return None
    inner = e.args[0]
    vector = inner.args[0]
    same = len(vector.shape) == 1 and inner.shape == (1, *vector.shape)
    return vector if same and vector.shape[0] == e.shape[1] else None


def _outer(e: App) -> Expr:
    """Write ``a[:, None] * b`` of two vectors as the outer product a bᵀ."""
    for column, row in (e.args, e.args[::-1]):
        if _is(column, "getitem") and len(row.shape) == 1 and len(e.shape) == 2:
            index = column.params.get("index")
            vector = column.args[0]
            if (
                isinstance(index, tuple)
                and index == (slice(None), None)
                and len(vector.shape) == 1
                and len(column.args) == 1
            ):
                return App("outer", (vector, row), {}, e.shape)
    return e


def _negative(e: App) -> Expr:
    (a,) = e.args
    if _is(a, "negative"):
        return a.args[0]
    v = _column(a)
    if v is not None:
        minus = simplify(App("negative", (v,), {}, v.shape))
        return App("getitem", (minus,), {"index": (Ellipsis, None)}, e.shape)
    if isinstance(a, Num) and not a.name and not isinstance(a.value, bool):
        return Num(-a.value, rough=a.rough)
    return e


def _power_of(e: App) -> Expr:
    n = e.params["n"]
    if n == 1:
        return e.args[0]
    return App("square", e.args, {}, e.shape) if n == 2 else e


def _broadcast(e: App) -> Expr:
    """Write a repeated scalar as s·𝟏."""
    a = e.args[0]
    if _is(a, "reshape") and not a.args[0].shape:
        a = a.args[0]
    if not a.shape and e.shape:
        ones = App("ones", (), {"shape": e.shape}, e.shape)
        return ones if is_one(a) else App("multiply", (a, ones), {}, e.shape)
    return _same_shape(e)


def _same_shape(e: App) -> Expr:
    return e.args[0] if e.args[0].shape == e.shape else e


def _sum(e: App) -> Expr:
    plain = all(quiet(k, v) for k, v in e.params.items() if k != "axis")
    return e.args[0] if e.params.get("axis") == () and plain else e


def _getitem(e: App) -> Expr:
    index = e.params["index"]
    whole = (isinstance(index, tuple) and not index) or _everything(index)
    vector = _column(e.args[0])
    if vector is not None and _same_index(e.params["index"], Ellipsis, 0):
        return vector
    return e.args[0] if whole and e.args[0].shape == e.shape else e


def _setitem(e: App) -> Expr:
    cleared = len(e.args) == 2 and isinstance(e.args[1], Num) and e.args[1].value == 0
    return _zeros(e) if cleared and _everything(e.params["index"]) else e


def _everything(index: Any) -> bool:
    """Say whether an index is ``...`` alone."""
    return index is Ellipsis or (isinstance(index, tuple) and len(index) == 1
                                 and index[0] is Ellipsis)  # fmt: skip


def _transpose(e: App) -> Expr:
    (a,) = e.args
    axes = e.params["axes"]
    if axes == tuple(range(len(axes))):
        return a
    if _is(a, "transpose"):
        both = tuple(a.params["axes"][k] for k in axes)
        return _transpose(App("transpose", a.args, {"axes": both}, e.shape))
    return e


def _where(e: App) -> Expr:
    """Choose where the condition is told: ``where(True, a, b)`` is a."""
    if len(e.args) == 3 and isinstance(e.args[0], Num):
        chosen = e.args[1] if e.args[0].value else e.args[2]
        return chosen if chosen.shape == e.shape else e
    return e


def _scatter_add(e: App) -> Expr:
    """Write a vector that is put into a column as that column."""
    index, (v, *rest) = e.params["index"], e.args
    vector = _column(v)
    if isinstance(index, tuple) and not index and v.shape == e.shape:
        return v
    if vector is not None and not rest and _same_index(index, Ellipsis, None):
        return vector
    column = _same_index(index, Ellipsis, 0) and e.shape == (*v.shape, 1) and not rest
    return App("getitem", (v,), {"index": (Ellipsis, None)}, e.shape) if column else e


def _column(e: Expr) -> Expr | None:
    """Return the vector that stands as a column in ``v[..., None]``."""
    if isinstance(e, App) and e.op == "getitem" and len(e.shape) == 2:
        return e.args[0] if _same_index(e.params["index"], Ellipsis, None) else None
    return None


def _same_index(index: Any, *parts: Any) -> bool:
    """Compare an index, which may hold arrays, with simple parts; a leading ``:`` is as ``…``."""
    if not isinstance(index, tuple) or len(index) != len(parts):
        return False
    first = Ellipsis if isinstance(index[0], slice) and index[0] == slice(None) else index[0]
    return all(map(is_, (first, *index[1:]), parts))


def _product(e: App) -> Expr:
    """Write products with columns as those with vectors: A(v as column) is (A v) as column."""
    a, b = e.args
    v = _column(b)
    if v is not None and len(a.shape) == 2:
        inner = simplify(App(e.op, (a, v), e.params, (e.shape[0],)))
        return App("getitem", (inner,), {"index": (Ellipsis, None)}, e.shape)
    turned = isinstance(b, App) and b.op == "transpose"
    u, w = _column(a), _column(b.args[0]) if turned else None  # type: ignore[union-attr]
    if e.op == "matmul" and u is not None and w is not None:
        return App("outer", (u, w), {}, e.shape)
    return e


def _weighted_sum(e: App) -> Expr:
    """Write Σ wᵢuᵢ out; a weight of 1 is not written, and one of 0 leaves its term out."""
    pairs = [(w, u) for w, u in zip(e.params["weights"], e.args, strict=True) if w]
    if not pairs or any(u.shape != e.shape for _, u in pairs):
        return e
    return add_up([u if w == 1 else apply("multiply", Num(w), u, shape=e.shape) for w, u in pairs])


def _log(e: App) -> Expr:
    (a,) = e.args  # what keeps a rule from log 0
    return Num(0.0) if is_one(a) else _zeros(e) if _is(a, "ones") else e


def _zeros(e: App) -> Expr:
    return App("zeros", (), {"shape": e.shape}, e.shape)


def _first(e: App) -> Expr:
    return e.args[0]


def _is(e: Expr, op: str) -> Any:
    return isinstance(e, App) and e.op == op


def _resolvent(e: App) -> Expr:
    """Write a resolvent as what computes it: V (F ∘ LX), of all vectors."""
    vectors, rows, _, table, x = e.args[5:]
    shape = (*e.shape[:-2], rows.shape[-2], e.shape[-1]) if rows.shape else ()
    inner = simplify(App("matmul", (rows, x), {}, shape))
    inner = App("multiply", (inner, table), {}, shape)
    return simplify(App("matmul", (vectors, inner), {}, e.shape))


_IDENTITIES: dict[str, Callable[[App], Expr]] = {
    "multiply": _multiply, "negative": _negative, "power_of": _power_of, "copy": _first,
    "positive": _first, "broadcast_to": _broadcast, "reshape": _same_shape, "sum": _sum,
    "transpose": _transpose, "getitem": _getitem, "where": _where, "scatter_add": _scatter_add,
    "matmul": _product, "solve": _product, "solve_again": _product,
    "weighted_sum": _weighted_sum, "log": _log, "zeros_like": _zeros, "setitem": _setitem,
    "resolvent": _resolvent,
}  # fmt: skip


class Reader:
    """Turns recorded nodes into trees: named nodes become symbols, the others are written out."""

    def __init__(self, constant: Callable[[Any], Expr]) -> None:
        self.constant = constant
        self.known: dict[Node, Expr] = {}

    def name(self, node: Node, expr: Expr) -> None:
        """Let `node` be written as `expr` from now on."""
        self.known[node] = expr

    def operand(self, node: Node, k: int) -> Expr:
        """Return the tree of argument `k` of a node."""
        parent = node.inputs[k]
        return self.constant(node.primals[k]) if parent is None else self.tree(parent)

    def tree(self, node: Node) -> Expr:
        """Return the tree of a node."""
        found = self.known.get(node)
        if found is None:
            found = self.known[node] = self.step(node)
        return found

    def step(self, node: Node) -> Expr:
        """Return the tree of a node in terms of its operands, also when it has a name."""
        assert node.op is not None
        args = tuple(self.operand(node, k) for k in range(len(node.inputs)))
        if node.op.name == "setitem" and _everything(node.params["index"]) and (
                len(args) == 2 and args[1].shape == tuple(node.shape)):  # fmt: skip
            if node.inputs[1] is not None and node.inputs[1].dtype == node.dtype:
                return args[1]  # all of it is written anew
        if node.op.name == "astype" and args[0].shape == node.shape:
            source = node.inputs[0]
            if source is not None and source.dtype == node.dtype:
                return args[0]
        params = {k: _frozen(v) for k, v in node.params.items()}
        return simplify(App(key_of(node.op), args, params, tuple(node.shape)))


def _frozen(v: Any) -> Any:
    """Return a parameter that can be compared: an array becomes a tuple."""
    if isinstance(v, np.ndarray):
        return tuple(_frozen(x) for x in v) if v.ndim else v[()]
    return tuple(_frozen(x) for x in v) if isinstance(v, tuple | list) else v

"""The cure for a choice that a batch cannot make at once: it goes by what asks for one value."""

import ast
import copy
from types import FrameType
from typing import Any

from .calls import Names, text_of
from .source import around, own_frame

_LOOP = "loop over the examples: np.stack([f(x) for x in batch])"
_BRANCH = (
    "write a choice as np.where(condition, a, b), which computes both and takes one for each "
    "example; read a table that is an argument (in_axes=None), or np.array(table)[i]; or "
)


def cure(frame: FrameType | None) -> str:
    """Say what to write where the examples of a batch would take different ways."""
    frame = own_frame(frame)
    nodes = [] if frame is None else around(frame)
    for k, node in enumerate(nodes):
        if type(node) is ast.Subscript and (k == 0 or node.value is not nodes[k - 1]):
            return _entry(node, nodes[k + 1 :], Names(frame))  # type: ignore[arg-type]
    asked: Any = nodes[0] if nodes else None
    if type(asked) is ast.BinOp or (
        type(asked) is ast.Call and type(asked.func) is ast.Attribute
    ):
        return _LOOP  # "%.2f" % x, x.tobytes(): no branch
    return _BRANCH + _LOOP


def _entry(node: ast.Subscript, outer: list[ast.expr], names: Names) -> str:
    """Answer for an entry of a table: compute all of them, and take one for each example."""
    table = names.value(node.value)
    if type(node.value) in (ast.List, ast.Tuple):
        table = [names.value(e) for e in node.value.elts]  # type: ignore[attr-defined]
    if not isinstance(table, list | tuple):
        return _BRANCH + _LOOP if hasattr(table, "dtype") else _LOOP
    held, index = text_of(node.value), _index(node.slice, names.numpy)
    if not any(map(callable, table)):
        array = f"{names.numpy}.array({held})[{index}]"
        return f"write {array} in the place of {text_of(node)}; or {_LOOP}"
    call: Any = outer[0] if outer else None
    if type(call) is not ast.Call or call.func is not node:
        return _LOOP
    each = text_of(ast.Call(ast.Name("g"), call.args, call.keywords))
    all_of_them = f"{names.numpy}.stack([{each} for g in {held}])"
    return (
        f"write {all_of_them}[{index}] in the place of {text_of(call)}: it computes all, and takes "
        f"one for each example; or {_LOOP}"
    )


class _Whole(ast.NodeTransformer):
    """Writes int(k) as np.astype(k, int), which stays an array."""

    def __init__(self, numpy: str) -> None:
        self.numpy = numpy

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        whole = type(node.func) is ast.Name and node.func.id in ("int", "bool")
        return self.of(node.args[0]) if whole and len(node.args) == 1 else node

    def of(self, node: ast.expr) -> ast.expr:
        function = ast.Attribute(ast.Name(self.numpy), "astype")
        return ast.Call(function, [node, ast.Name("int")], [])


def _index(node: ast.expr, numpy: str) -> str:
    whole = _Whole(numpy)
    if isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp):  # else it would be a mask
        return text_of(whole.of(node))
    return text_of(whole.visit(copy.deepcopy(node)))

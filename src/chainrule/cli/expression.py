"""Expressions such as ``sin((2*x+1)**2)``, from text to a function, without `eval`.

Python's parser makes a syntax tree of the text. An interpreter walks it, and knows only what is
listed here: numbers, names, ``+ - * / // % ** @``, comparisons, ``a if c else b``, indexing,
lists, ``.T`` and calls of the functions in `vocabulary`. Nothing else can be reached, and no code
object is ever made of the text.
"""

import ast
import inspect
import operator
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import Any

import numpy as np

from ..errors import ChainRuleError, ExpressionError
from . import places
from .reading import Source, syntax_tree, tidy
from .vocabulary import CONSTANTS, FUNCTIONS, KEYWORDS, PREFIXES, function, suggestion

MOST_ELEMENTS = 4_000_000

Environment = dict[str, Any]
Step = Callable[[Environment], Any]


def parse_expression(text: str, variables: Iterable[str] = ()) -> Callable[..., Any]:
    """Return the function that an expression stands for.

    Its parameters are the names in the expression that are neither functions nor constants, in
    the order in which they first appear; a name in `variables` is a parameter even if it is also
    a constant such as ``e``. The text stands in the attribute ``expression``.

    Errors
    ------
    ExpressionError, with a caret under the place and the nearest known name.
    """
    source = Source(tidy(text))
    builder = _Builder(source, frozenset(variables), places.register(source.text))
    root = builder.step(syntax_tree(source))
    names = tuple(builder.names)
    signature = inspect.Signature(
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    )

    def f(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        return root({name: _as_numpy(value) for name, value in bound.arguments.items()})

    f.__code__ = f.__code__.replace(co_filename=builder.file, co_firstlineno=1)  # where f is said
    f.__signature__ = signature  # type: ignore[attr-defined]
    f.__doc__ = source.text
    f.expression = source.text  # type: ignore[attr-defined]
    return f


def evaluate_constant(text: str) -> Any:
    """Return the value of an expression without variables: a float, or an array of them."""
    source = Source(tidy(text))
    builder = _Builder(source, frozenset(), "<value>")
    root = builder.step(syntax_tree(source))
    if builder.names:
        name = next(iter(builder.names))
        raise source.error(
            f"{name!r} is not a number", None, cure=suggestion(name, tuple(CONSTANTS))
            or "a value is a number or a bracketed array: 0.5, pi/4, [1, 2], [[1, 2], [3, 4]]",
        )  # fmt: skip
    value = np.asarray(root({}), dtype=np.float64)
    return value if value.ndim else float(value)


def _as_numpy(value: Any) -> Any:
    return np.float64(value) if value.__class__ in (int, float) else value


_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.MatMult: operator.matmul, ast.Pow: operator.pow,
}  # fmt: skip
_UNARY: dict[type, Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


def _plain(*values: Any) -> bool:
    return all(value.__class__ in (int, float) for value in values)


def _power(base: float, exponent: float) -> Any:
    """Raise one plain number to another in floating point, so that ``9**9**9`` ends at once."""
    value: Any = float(base) ** float(exponent)
    if value.__class__ is complex:
        raise ValueError("a negative number has no real fractional power")
    both: Any = (base.__class__, exponent.__class__)
    whole = both == (int, int) and value.is_integer()
    return int(value) if whole and abs(value) < 2**53 else value


def _choose(what: Callable[..., Any], operands: list[Any]) -> Callable[..., Any]:
    """Return the function that is called: plain numbers and lists take a way of their own.

    What runs on traced values must be NumPy's or Python's own, without a frame of ours between
    it and the sub-expression's place.
    """
    if what is operator.pow and _plain(*operands):
        return _power
    if what is np.stack and _plain(*operands[0]):
        return np.array
    return what


class _Builder:
    """Makes one callable step of every node of the tree, and collects the variables."""

    def __init__(self, source: Source, variables: frozenset[str], file: str) -> None:
        self.source, self.variables, self.file = source, variables, file
        self.names: dict[str, None] = {}

    def step(self, node: ast.AST) -> Step:
        """Return the step that computes `node`."""
        build = getattr(self, f"_{type(node).__name__}", None)
        if build is None:
            raise self.source.error(
                f"{_kind(node)} is not allowed in an expression", node,
                cure="an expression has numbers, names, + - * / ** @, comparisons, [lists], "
                "indexing and calls of known functions; put more in a file: FILE.py:function",
            )  # fmt: skip
        made: Step = build(node)
        return made

    def _apply(
        self, node: ast.AST, what: Callable[..., Any], parts: list[Step],
        keywords: dict[str, Any] | None = None,
    ) -> Step:  # fmt: skip
        start, stop = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", 0)
        apply = places.located(self.file, start, stop)
        given = keywords or {}

        def run(environment: Environment) -> Any:
            operands = [part(environment) for part in parts]
            try:
                value = apply(_choose(what, operands), operands, given)
            except ChainRuleError:
                raise
            except (ArithmeticError, TypeError, ValueError, IndexError, MemoryError) as error:
                raise self._failed(node, operands, error) from None
            if np.size(value) > MOST_ELEMENTS:
                raise self.source.error(f"an array of {np.size(value)} elements arose", node)
            return value

        return run

    def _failed(self, node: ast.AST, operands: list[Any], error: Exception) -> ExpressionError:
        reason = str(error.args[-1] if error.args else type(error).__name__).split("\n")[0]
        shapes = [np.shape(x) for x in operands]
        why = f"its operands have the shapes {', '.join(map(str, shapes))}" if any(shapes) else ""
        return self.source.error(f"this part cannot be computed: {reason}", node, why=why)

    def _Constant(self, node: ast.Constant) -> Step:  # noqa: N802
        value: Any = node.value
        if value.__class__ not in (int, float):
            raise self.source.error(
                f"{value!r} is not a real number", node,
                cure="complex inputs need a file: chainrule explain FILE.py:function"
                if isinstance(value, complex) else "write a number or the name of a variable",
            )  # fmt: skip
        if value.__class__ is int and abs(value) >= 2**53:
            value = float(value)
        return lambda _: value

    def _Name(self, node: ast.Name) -> Step:  # noqa: N802
        name = node.id
        if name in self.variables or (name not in CONSTANTS and name not in FUNCTIONS):
            if name.startswith("__"):
                raise self.source.error(f"the name {name!r} is not allowed", node)
            self.names.setdefault(name)
            return lambda environment: environment[name]
        if name in FUNCTIONS:
            raise self.source.error(
                f"{name} is a function and was not called", node, cure=f"write {name}(x)"
            )
        value = CONSTANTS[name]
        return lambda _: value

    def _BinOp(self, node: ast.BinOp) -> Step:  # noqa: N802
        if isinstance(node.op, ast.BitXor):
            raise self.source.error(
                "^ is not a power in Python", node, cure="write ** for a power: x**2"
            )
        what = _BINARY.get(type(node.op))
        if what is None:
            raise self.source.error(f"{_kind(node.op)} is not allowed in an expression", node)
        return self._apply(node, what, [self.step(node.left), self.step(node.right)])

    def _UnaryOp(self, node: ast.UnaryOp) -> Step:  # noqa: N802
        what = _UNARY.get(type(node.op))
        if what is None:
            raise self.source.error(
                f"{_kind(node.op)} is not allowed in an expression", node,
                cure="write logical_not(x)",
            )  # fmt: skip
        if isinstance(node.operand, ast.Constant):
            value = what(self.step(node.operand)({}))
            return lambda _: value
        return self._apply(node, what, [self.step(node.operand)])

    def _Compare(self, node: ast.Compare) -> Step:  # noqa: N802
        if len(node.ops) > 1 or type(node.ops[0]) not in _COMPARE:
            raise self.source.error(
                "only a single comparison is allowed", node,
                cure="write logical_and(0 < x, x < 1)",
            )  # fmt: skip
        sides = [self.step(node.left), self.step(node.comparators[0])]
        return self._apply(node, _COMPARE[type(node.ops[0])], sides)

    def _IfExp(self, node: ast.IfExp) -> Step:  # noqa: N802
        test, yes, no = (self.step(part) for part in (node.test, node.body, node.orelse))
        start, stop = node.test.col_offset, node.test.end_col_offset or 0
        apply = places.located(self.file, start, stop)  # the question stands in the user's text
        return lambda environment: (
            yes if apply(bool, [test(environment)], {}) else no)(environment)

    def _List(self, node: ast.List) -> Step:  # noqa: N802
        items = [self.step(item) for item in node.elts]

        def collect(environment: Environment) -> list[Any]:
            values = [item(environment) for item in items]
            return values if _plain(*values) else [_as_numpy(value) for value in values]

        return self._apply(node, np.stack, [collect])

    _Tuple = _List

    def _Attribute(self, node: ast.Attribute) -> Step:  # noqa: N802
        name = self._function_name(node)
        if name is not None and name in CONSTANTS:
            value = CONSTANTS[name]
            return lambda _: value
        if node.attr != "T":
            raise self.source.error(
                f"the attribute .{node.attr} is not allowed in an expression", node,
                cure="only .T (transpose) is; call functions by name: sum(x), not x.sum()",
            )  # fmt: skip
        return self._apply(node, np.transpose, [self.step(node.value)])

    def _Subscript(self, node: ast.Subscript) -> Step:  # noqa: N802
        index = self._index(node.slice)
        return self._apply(node, operator.getitem, [self.step(node.value), lambda _: index])

    def _index(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Tuple):
            return tuple(self._index(item) for item in node.elts)
        if isinstance(node, ast.Slice):
            parts = (node.lower, node.upper, node.step)
            return slice(*(None if part is None else self._index(part) for part in parts))
        return self._literal(node, "an index is a whole number or a slice: x[0], x[1:3], x[:, 0]")

    def _literal(self, node: ast.expr, cure: str) -> Any:
        """Return a plain whole number, True, False, None, an ellipsis or a tuple of them."""
        if isinstance(node, ast.Tuple):
            return tuple(self._literal(item, cure) for item in node.elts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self._literal(node.operand, cure)
            if value.__class__ is int:
                return -value
        if isinstance(node, ast.Constant) and isinstance(node.value, int | None | type(...)):
            return node.value
        raise self.source.error("a plain whole number is needed here", node, cure=cure)

    def _Call(self, node: ast.Call) -> Step:  # noqa: N802
        name = self._function_name(node.func)
        if name is None or name not in FUNCTIONS:
            raise self._unknown_function(node.func, name)
        keywords = dict(self._keywords(node))
        parts = [self.step(item) for item in node.args]
        if name in ("max", "min") and len(parts) > 1:  # as in Python: of several values
            pairwise = function("maximum" if name == "max" else "minimum")
            return reduce(lambda a, b: self._apply(node, pairwise, [a, b]), parts)
        return self._apply(node, function(name), parts, keywords)

    def _unknown_function(self, called: ast.expr, name: str | None) -> ExpressionError:
        if name is None:
            product = isinstance(called, ast.Constant | ast.BinOp)
            return self.source.error(
                "only functions can be called, by their names", called,
                cure=f"write a product with its sign: {ast.unparse(called)}*(…)" if product
                else "write sum(x), not x.sum()",
            )  # fmt: skip
        cure = suggestion(name) or (
            f"write a product with its sign: {name}*(…)" if len(name) == 1 else
            "known are NumPy's and SciPy's elementary functions, sums and products; put your own "
            "in a file: FILE.py:function"
        )  # fmt: skip
        return self.source.error(f"the function {name!r} is not known", called, cure=cure)

    def _keywords(self, node: ast.Call) -> Iterator[tuple[str, Any]]:
        for keyword in node.keywords:
            if keyword.arg not in KEYWORDS:
                raise self.source.error(
                    f"the keyword {keyword.arg or '**'!r} is not allowed", node,
                    cure=f"allowed are {', '.join(sorted(KEYWORDS))}",
                )  # fmt: skip
            yield keyword.arg, self._literal(keyword.value, "write it as axis=0 or keepdims=True")

    def _function_name(self, node: ast.expr) -> str | None:
        """Return ``sin`` for ``sin``, ``np.sin`` and ``numpy.sin``; None for anything else."""
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in PREFIXES:
            return node.attr
        return None


def _kind(node: ast.AST) -> str:
    words = {
        "Lambda": "a lambda", "BoolOp": "and/or", "Not": "not", "Invert": "~", "Dict": "a dict",
        "Set": "a set", "ListComp": "a comprehension", "GeneratorExp": "a comprehension",
        "JoinedStr": "a string", "NamedExpr": "an assignment", "Starred": "a star",
        "BitAnd": "&", "BitOr": "|", "LShift": "<<", "RShift": ">>", "Await": "await",
        "Yield": "yield",
    }  # fmt: skip
    name = type(node).__name__
    return words.get(name, name)

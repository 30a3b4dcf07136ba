"""The text of an expression: read into a syntax tree, and pointed into by errors."""

import ast
import re
import warnings
from dataclasses import dataclass
from keyword import kwlist

from ..errors import ExpressionError
from .vocabulary import FUNCTIONS

MOST_CHARACTERS = 2000
MOST_NODES = 600
MOST_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one expression, and how to point into it."""

    text: str

    def columns(self, node: ast.AST) -> tuple[int, int]:
        """Return where a node stands, in characters."""
        encoded = self.text.encode()
        start, stop = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", None)
        return len(encoded[:start].decode()), len(encoded[:stop].decode())

    def error(
        self, what: str, node: ast.AST | tuple[int, int] | None, *, why: str = "", cure: str = ""
    ) -> ExpressionError:
        """Build the error, with carets under the place."""
        if node is None:
            return ExpressionError(what, where=_window(self.text, 0, 0)[0], why=why, cure=cure)
        start, stop = node if isinstance(node, tuple) else self.columns(node)
        shown, at = _window(self.text, start, stop)
        width = max(1, min(stop - start, len(shown) - at))
        where = f"{shown}\n{' ' * (9 + at)}{'^' * width}"
        return ExpressionError(
            what, where=where, why=why or f"at column {start + 1} of the expression", cure=cure
        )


def _window(text: str, start: int, stop: int, width: int = 76) -> tuple[str, int]:
    """Return at most `width` characters of `text` around a place, and where the place is there."""
    if len(text) <= width:
        return text, start
    left = max(0, min(start - width // 2, len(text) - width))
    shown = text[left : left + width]
    if left > 0:
        shown = "…" + shown[1:]
    if left + width < len(text):
        shown = shown[:-1] + "…"
    return shown, start - left


_SIGNS = str.maketrans({"−": "-", "·": "*", "×": "*", "÷": "/", "\n": " ", "\t": " ", "\r": " "})


def tidy(text: str) -> str:
    """Return the text on one line, with typographic signs as Python writes them."""
    if not isinstance(text, str):
        raise ExpressionError(f"an expression is text, not {type(text).__name__}")
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(
            f"the expression has {len(text)} characters; at most {MOST_CHARACTERS} are read",
            cure="put the computation in a file: chainrule explain FILE.py:function",
        )
    text = text.translate(_SIGNS).strip()
    if not text:
        raise ExpressionError(
            "the expression is empty", cure="write one, such as 'sin((2*x+1)**2)', in quotes"
        )
    return text


def syntax_tree(source: Source) -> ast.expr:
    """Parse the text; it stays a tree and never becomes code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.text, mode="eval").body
    except SyntaxError as error:
        raise _malformed(source, error) from None
    except (ValueError, MemoryError, RecursionError):
        raise source.error("the expression cannot be read", None) from None
    count = sum(1 for _ in ast.walk(tree))
    if count > MOST_NODES or _depth(tree) > MOST_DEPTH:
        raise source.error(
            f"the expression is too large ({count} parts, {_depth(tree)} deep)", None,
            why=f"at most {MOST_NODES} parts and {MOST_DEPTH} levels are read",
            cure="put the computation in a file: chainrule explain FILE.py:function",
        )  # fmt: skip
    return tree


def _depth(tree: ast.AST) -> int:
    deepest, todo = 0, [(tree, 1)]
    while todo:
        node, depth = todo.pop()
        deepest = max(deepest, depth)
        todo += [(child, depth + 1) for child in ast.iter_child_nodes(node)]
    return deepest


_SPOKEN = ("and", "or", "not", "if", "else", "in", "is", "True", "False", "None")
_PRODUCT = re.compile(r"(?<![\w.])(\d+(?:\.\d*)?)\s*([A-Za-z(πθ])|(\))\s*([\w(])")
_OF_MATHEMATICS = (  # what is no Python, and how it is written
    (re.compile(r"\|([^|]+)\|"), "write abs({0})"),
    (re.compile(r"(\w+)\s*!(?!=)"), "write gamma({0} + 1)"),
    (re.compile(r"(\))\s*!(?!=)"), "write n! as gamma(n + 1)"),
    (re.compile(r"√\s*([\w.]+)"), "write sqrt({0})"),
    (re.compile(r"(√)"), "write sqrt(x)"),
    (re.compile(rf"\b({'|'.join(sorted({*kwlist} - {*_SPOKEN}))})\b(?!\s*\()"),
     "{0} is a word of Python's own: take another name, such as {0}_"),
    (re.compile(r"([-+*/@])\s*$"), "write what follows the {0}, or leave it out"),
)
_BARE_CALL = re.compile(r"\b([a-z]\w*)\s+([\w.]+)")


def _malformed(source: Source, error: SyntaxError) -> ExpressionError:
    text, column = source.text, max((error.offset or 1) - 1, 0)
    cure = "write it as Python does: sin((2*x+1)**2)"
    product, bare = _PRODUCT.search(text), _BARE_CALL.search(text)
    if bare and bare[1] in FUNCTIONS:
        column, cure = bare.start(), f"write {bare[1]}({bare[2]})"
    elif product:
        left, right = product[1] or product[3], product[2] or product[4]
        column, cure = product.start(), f"write a product with its sign: {left}*{right}…"
    elif written := next(((m, c) for p, c in _OF_MATHEMATICS if (m := p.search(text))), None):
        column, cure = written[0].start(), written[1].format(written[0][1])
    elif re.search(r"(?<![<>=!])=(?!=)", text):
        column, cure = text.index("="), "write only the right-hand side, without “name =”"
    message = str(error.msg).split("(")[0].split(". Perhaps")[0].strip() or "invalid syntax"
    if "never closed" in str(error.msg) or "unmatched" in str(error.msg):
        message = str(error.msg)
    column = min(column, len(text) - 1)
    return source.error(f"the expression is malformed: {message}", (column, column + 1), cure=cure)

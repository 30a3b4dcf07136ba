"""Classes whose operators mean something else than those of their bare numbers."""

import ast
from dis import opname
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import UnsupportedFunctionError
from .calls import Names, expression, grouped, text_of
from .source import describe, user_frame

_ALIGNS = "its operators align by labels, which the traced array does not have"
_CURES = {
    "pandas": (
        "its code asks for plain numbers there, which carry no derivative",
        "compute on v = {0}.to_numpy(), which holds the traced values in the order of its rows: "
        "np.sort(v), np.quantile(v, q), v[rows]",
    ),
    "xarray": (_ALIGNS, "write {0}.to_numpy(), with the axes in the order that is meant"),
    "polars": (_ALIGNS, "write {0}.to_numpy()"),
}
LABELLED = frozenset(_CURES)
_MASKED = (
    "the elements under its mask take part in no result, and the traced array has no mask",
    "keep what is not masked: keep = ~np.ma.getmaskarray({0}); then x[keep] beside "
    "{0}.compressed(), or np.where(keep, x, 0) beside {0}.filled(0)",
)
_MATRIX = (
    "its * and ** are products of matrices, and its results keep two axes",
    "make it an array, np.asarray({0}), and write @ where a product of matrices is meant",
)
_OWN = (
    "the class has operators of its own, which a traced array would not run",
    "make it a plain array, np.asarray({0}), and write out what its operators mean",
)


@cache
def strange(kind: type) -> bool:
    """Say whether a class of arrays changes what arrays do; to add is harmless."""
    if not issubclass(kind, np.ndarray):
        return False
    for base in kind.__mro__:
        if base is np.ndarray:
            return False
        if base not in _HARMLESS and vars(base).keys() & _CHANGES:
            return True
    return False


_CHANGES = frozenset(dir(np.ndarray)) - frozenset(
    "__new__ __init__ __doc__ __module__ __array_finalize__ __repr__ __str__ __format__ "
    "__reduce__ __reduce_ex__ __setstate__ __init_subclass__ __class_getitem__ __hash__ "
    "__firstlineno__ __static_attributes__ __annotations__".split()
)
_HARMLESS = frozenset((np.memmap, object))


@cache
def of_pandas(kind: type) -> bool:
    """Say whether a class is one of pandas, or is derived of one."""
    return any(c.__module__.startswith("pandas.") for c in kind.__mro__)


def unlabelled(value: Any) -> Any:
    """Return the values of a column, for a function of NumPy that takes it as an array."""
    values = getattr(value, "values", None) if of_pandas(type(value)) else None
    if values is None:
        return value
    return values if hasattr(type(values), "cr_owner") else np.asarray(values)


class AskedError(BaseException):
    """A column of traced values is asked for an array; who called with it has others to give.

    No code in between may take it for an error of its own.
    """


def asks_column(frame: Any) -> bool:
    """Say whether `frame`, of pandas, gives a column as an array to somebody else."""
    return frame.f_code.co_name == "__array__" and library_of(frame.f_back) != "pandas"


def values_of(value: Any) -> Any:
    """Return the traced array in a column or a frame; what holds none as it is."""
    arrays = getattr(getattr(value, "_mgr", None), "arrays", ())
    return value.values if any(hasattr(type(a), "cr_owner") for a in arrays) else value


def refused(value: Any) -> UnsupportedFunctionError:
    """Build the error for an operand whose own meaning would be lost."""
    frame = user_frame(2)
    kind = type(value)
    why, cure = words(kind)
    names = [n for n, held in (frame.f_locals if frame is not None else {}).items()
             if held is value]  # fmt: skip
    return UnsupportedFunctionError(
        f"a traced value met a {kind.__module__.partition('.')[0]} {kind.__name__}",
        where=describe(frame, value),
        why=why,
        cure=cure.format(names[0] if names else "m"),
    )


def words(kind: type) -> tuple[str, str]:
    """Return why a class is refused, and the cure."""
    if issubclass(kind, np.ma.MaskedArray) or kind.__module__.startswith("numpy.ma"):
        return _MASKED
    if issubclass(kind, np.matrix):
        return _MATRIX
    return _CURES.get(kind.__module__.partition(".")[0], _OWN)


def words_for(frame: Any) -> tuple[str, str] | None:
    """Return the words for the library of labelled or masked data whose code runs in `frame`."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] in LABELLED:
            return _CURES[name.partition(".")[0]]
        if name.startswith("numpy.ma"):
            return _MASKED
        if not name.startswith("numpy"):
            return None
        frame = frame.f_back
    return None


def in_labelled(error: Exception, own: Any) -> Exception | None:
    """Return the error for one that a library of labelled data raised about traced values."""
    library = type(error).__module__.partition(".")[0]
    if library not in LABELLED and not isinstance(error, TypeError | ValueError):
        return None
    last, tb, found, held = own, own.tb_next, "", False
    while tb is not None:
        library = library_of(tb.tb_frame)
        found = library if library in LABELLED else found
        held = held or any(map(_holds_traced, tb.tb_frame.f_locals.values()))
        last, tb = tb, tb.tb_next
    if not found or not held or (_is_of_values(error) and _said(last)):
        return None  # labels and shapes that do not fit are the program's
    return UnsupportedFunctionError(
        f"a traced value met code of {found} that takes plain numbers only "
        f"({type(error).__name__}: {str(error).splitlines()[0][:120]})",
        where=describe(own.tb_frame, offset=own.tb_lasti),
        why=f"{found} computes there in compiled code, which carries no derivative",
        cure=f"compute on v = {(data := column_at(own.tb_frame, own.tb_lasti))}.to_numpy(), which "
        "holds the traced values in the order of its rows: np.sort(v), np.diff(v), "
        f"v[rows].sum(); what is stored by label goes into own = np.copy({data}), by position",
    )


def cure_for(words: tuple[str, str], frame: Any) -> str:
    """Write the cure of such words for the expression that is under way in a frame."""
    if words is not _MASKED:
        return words[1].format(column_at(frame))
    node, names = (None, None) if frame is None else (expression(frame), Names(frame))
    keep, data = _kept(node, names) if type(node) is ast.Call else ("", "")
    if keep:
        return (
            f"keep what is not masked: keep = {keep}; then {data}[keep], which has no gaps, for "
            f"reductions, or np.where(keep, {data}, 0) where the shape is to stay"
        )
    found = column_at(frame, otherwise="m", masked=True)
    return words[1].format(found)


def _kept(call: Any, names: Any) -> tuple[str, str]:
    """Return which elements a call of `numpy.ma` leaves unmasked, and the data, as text."""
    function, args = names.value(call.func), list(call.args)
    given = {k.arg: k.value for k in call.keywords}
    if function is np.ma.masked_where and len(args) == 2:
        return f"~{grouped(args[0])}", _as_made(args[1], names)
    if function is np.ma.masked_invalid and args:
        return f"np.isfinite({text_of(args[0])})", _as_made(args[0], names)
    mask = given.get("mask", args[1] if len(args) > 1 else None)
    makes = any(function is f for f in (np.ma.array, np.ma.masked_array, np.ma.MaskedArray))
    if makes and args and mask is not None and len(args) < 3:
        return f"~np.asarray({text_of(mask)}, dtype=bool)", _as_made(args[0], names)
    return "", ""


def _as_made(node: Any, names: Any) -> str:
    """Return the text of data that a mask can be an index of: no list can."""
    if type(node) in (ast.List, ast.Tuple, ast.ListComp) or isinstance(
        names.value(node), list | tuple
    ):
        return f"{names.numpy}.array({text_of(node)})"
    return grouped(node)


def column_at(
    frame: Any, offset: int | None = None, otherwise: str = "the column", masked: bool = False
) -> str:
    """Return the text of the labelled data that an expression of the program is about."""
    node = None if frame is None else expression(frame, offset)
    if node is None:
        return otherwise
    names = Names(frame, offset)
    places: list[Any] = [getattr(node, name, None) for name in ("left", "right", "value")]
    if type(node) is ast.Call:
        places = [*node.args, *(k.value for k in node.keywords)]
        if type(node.func) is ast.Attribute and not isinstance(
            names.value(node.func.value), ModuleType
        ):
            places.insert(0, node.func.value)
    if type(node) is ast.Subscript:
        places += node.slice.elts if type(node.slice) is ast.Tuple else [node.slice]
        places = places[1:] if names.value(node.value) is not None else places
    places = [_grouped_one(p) for p in places if p is not None]
    if masked:
        held = [p for p in places if isinstance(names.value(p), np.ma.MaskedArray)]
        return grouped(held[0]) if held else otherwise
    for place in places:
        if of_pandas(type(names.value(place))) or type(place) is ast.Subscript:
            return grouped(place)
    unknown = [p for p in places if type(p) not in (ast.Name, ast.Constant)]
    return grouped(unknown[0]) if unknown else otherwise


def _grouped_one(node: Any) -> Any:
    """Return the column that windows or groups are of, as in ``s.rolling(3).median()``.

    That of ``d.groupby("k")["v"]`` is ``d["v"]``.
    """
    node = node.value if type(node) is ast.Starred else node
    if type(node) is ast.Subscript and (of := _grouped_one(node.value)) is not node.value:
        return ast.Subscript(of, node.slice)
    while type(node) is ast.Call and type(node.func) is ast.Attribute:
        if node.func.attr not in ("rolling", "expanding", "ewm", "groupby", "resample"):
            break
        node = node.func.value
    return node


def _is_of_values(error: BaseException | None) -> bool:
    """Say whether an error, and each that it came of, is about values and none of ours."""
    return error is None or (type(error) is ValueError and _is_of_values(error.__context__))


def _said(tb: Any) -> bool:
    """Say whether an error comes from a statement of Python, not out of compiled code."""
    return opname[tb.tb_frame.f_code.co_code[tb.tb_lasti]] in ("RAISE_VARARGS", "RERAISE")


def library_of(frame: Any) -> str:
    """Return the name of the package that a frame is of; compiled ones give names of no file."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _holds_traced(value: Any) -> bool:
    """Say whether a value is traced, or is labelled data of which the arrays hold something."""
    for a in (value, *getattr(getattr(value, "_mgr", None), "arrays", ())):
        if hasattr(type(a), "cr_owner"):
            return True
        if isinstance(a, np.ndarray) and a.dtype.kind == "O":
            if any(hasattr(type(v), "cr_owner") for v in np.ravel(a)[:1000]):
                return True
    return False

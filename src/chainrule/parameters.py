"""What of the differentiated arguments is a parameter, and what a constant."""

import enum
from typing import Any

import numpy as np

from . import tree
from .errors import InputTypeError
from .tracing.foreign import is_foreign
from .tracing.source import describe, user_frame
from .tracing.strange import strange
from .tracing.tracer import TRACERS, concrete


def is_constant(leaf: Any) -> bool:
    """Say whether a leaf among parameters is none: no number, or a condition, and no array."""
    kind = type(leaf)
    if kind in TRACERS or kind is np.float64 or kind is float:
        return False
    if kind in (str, bytes, bool, np.bool_, tree.Fixed) or isinstance(leaf, enum.Enum | type):
        return True
    if kind is np.ndarray:
        return leaf.dtype.kind in "bUSMm"
    if isinstance(leaf, set | frozenset):
        return all(map(is_constant, leaf))
    return not any(hasattr(kind, name) for name in _NUMERIC)


_NUMERIC = ("__array__", "__float__", "__complex__", "__index__", "__len__", "__iter__", "dtype",
            "__buffer__")  # fmt: skip


def check_distinct(objects: list[Any]) -> None:
    """Refuse an object that stands at two places."""
    seen: set[int] = set()
    for obj in objects:
        if id(obj) in seen:
            raise InputTypeError(
                f"an object of class {type(obj).__name__} stands twice among the differentiated "
                "arguments",
                where=describe(user_frame(2)),
                why="its attributes would be two parameters each, and hold one value",
                cure="pass it once, or a copy: copy.deepcopy(obj)",
            )
        seen.add(id(obj))


def no_number(leaf: Any) -> bool:
    """Say whether a leaf among results is a constant and no condition either."""
    if type(leaf) in TRACERS:
        return False
    condition = leaf.__class__ in (bool, np.bool_) or getattr(leaf, "dtype", None) == np.bool_
    return not condition and is_constant(leaf)


def zeros_of(treedef: Any) -> Any:
    """Return how to rebuild a gradient: numbers that are constants become zero."""
    if type(treedef) is not tree.Mixed:
        return treedef
    return tree.Mixed(treedef.treedef, {i: _zero(v) for i, v in treedef.constants.items()})


def _zero(value: Any) -> Any:
    if type(value) is tree.Fixed:
        return tree.map_leaves(_zero, value.value)
    if type(value) in (float, int, complex, bool):
        return type(value)()
    kind = getattr(value, "dtype", None)
    return np.zeros_like(value)[()] if kind is not None and kind.kind in "fcbiu" else value


def computes_again(obj: Any) -> Any:
    """Return what computes what ``__post_init__`` computed, once it is seen to do so.

    It is run on a copy first, which must come out as the object is.
    """
    attributes = tree.given(obj)
    computed = tree.computed_by_init(type(obj), attributes)
    if not computed:
        return None
    copy = object.__new__(type(obj))
    tree.assign(copy, {k: v for k, v in attributes.items() if k not in computed})
    try:
        tree.post_init(copy)()
        same = _equal(tree.given(copy), attributes)
    except Exception:
        same = False
    if same:
        return tree.post_init(obj)
    if not any(_has_numbers(attributes[name]) for name in computed):
        return None
    name = next(n for n in attributes if n in computed and _has_numbers(attributes[n]))
    raise InputTypeError(
        f"{type(obj).__name__}.{name} was computed by __post_init__, and cannot be computed again",
        where=describe(user_frame(2)),
        why="its derivative runs through the fields that it was computed from; run again on an "
        "object that holds the same fields, __post_init__ gives something else",
        cure=f"compute {name} in a method or a property, or pass it as a field of its own",
    )


def _has_numbers(value: Any) -> bool:
    return not all(map(is_constant, tree.flatten(value, True)[0]))


def _equal(a: Any, b: Any) -> bool:
    """Say whether two trees hold the same numbers at the same places."""
    (xs, one), (ys, other) = tree.flatten(a, True), tree.flatten(b, True)
    return tree.same_structure(one, other) and all(
        x is y or (type(x) is type(y) and bool(np.all(np.equal(concrete(x), concrete(y)))))
        for x, y in zip(xs, ys, strict=True)
    )


def _reads(text: str) -> bool:
    """Say whether a text is that of a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def bad_leaf(name: str, leaf: Any) -> InputTypeError:
    """Build the error for a leaf that cannot be differentiated."""
    leaf = leaf.value if type(leaf) is tree.Fixed else leaf
    dtype = getattr(leaf, "dtype", None)
    what = f"an array of {dtype}" if dtype is not None else f"{type(leaf).__name__} {leaf!r}"
    cure = "pass only numbers and float arrays in the differentiated arguments; choose others "
    cure += "with argnums="
    if strange(type(leaf)):
        what = f"a {type(leaf).__name__}"
        cure = f"pass a plain array, np.asarray({name})"
        if isinstance(leaf, np.ma.MaskedArray):
            cure += ", and the mask as an argument of its own"
    elif dtype is not None and not isinstance(leaf, np.ndarray | np.generic) and not is_foreign(
        type(leaf)
    ):
        what = f"a {type(leaf).__name__}"
        cure = f"pass a NumPy array, np.asarray({name})"
        if dtype.kind in "fiu" and type(leaf).__module__.startswith("pandas."):
            cure = f"pass {name}.astype(float), where no number is missing"
    elif getattr(dtype, "kind", "") in ("i", "u"):  # of another library
        cure = f"pass {name}.astype(float)"
    elif getattr(dtype, "kind", "") == "b" or isinstance(leaf, bool):
        cure = f"pass a float, or leave {name} out of argnums: a condition has no derivative"
    elif isinstance(leaf, str):
        cure = f"pass a number, float({leaf!r})" if _reads(leaf) else "pass a number in its place"
    elif leaf is None or isinstance(leaf, dict | list | tuple):
        what = repr(leaf) + " (no numbers in it)"
    return InputTypeError(
        f"cannot differentiate with respect to {name}: it is {what[:120]}",
        where=describe(user_frame(2)),
        why="a derivative needs real or complex floating-point inputs",
        cure=cure,
    )

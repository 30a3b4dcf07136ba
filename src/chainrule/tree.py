"""Containers of arrays (pytrees) to flat lists and back, through optree.

Dicts, lists, tuples, named tuples, ordered dicts and None are optree's own. Dataclasses are taken
apart into their attributes, and so are, among parameters, the objects of any class that is written
in Python; such classes are registered when first met.
"""

import dataclasses
import enum
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np

from . import frames

NAMESPACE, _PARAMETERS = "chainrule", "chainrule.parameters"  # optree's, without and with objects
object_classes: set[type] = set()  # those whose objects are taken apart
_SPACES = NAMESPACE, _PARAMETERS
_plain = {np.ndarray, np.float64, float, int}

Treedef = Any


class _Late:
    """Stands for optree until the first container comes: arrays and numbers need none of it."""

    def __getattr__(self, name: str) -> Any:
        global optree
        optree = import_module("optree")
        return getattr(optree, name)


optree: Any = _Late()


class Fixed:
    """A leaf that is no parameter: an attribute that ``__post_init__`` computes from the others."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


_known: set[type] = {Fixed}  # classes that were looked at


def flatten(tree: Any, parameters: bool = False) -> tuple[list[Any], Treedef]:
    """Return the leaves of `tree` and what is needed to rebuild it; a bare array is one leaf.

    Of `parameters` objects of any class are taken apart.
    """
    if type(tree) is np.ndarray or type(tree) is float or type(tree) is np.float64:
        return [tree], None
    space = _PARAMETERS if parameters else NAMESPACE
    leaves, treedef = optree.tree_flatten(tree, namespace=space)
    kinds = {type(x) for x in leaves}
    if not kinds <= _plain:
        fresh = kinds - _known
        _known.update(fresh)
        labelled = [kind for kind in fresh if frames.is_labelled(kind)]
        for cls in labelled:
            register(cls, frames.taker(cls, Fixed), frames.maker(cls, Fixed), _SPACES, _entry(cls))
        if labelled:
            return flatten(tree, parameters)
        found = [kind for kind in fresh if _is_container(kind)]
        for cls in found:
            object_classes.add(cls)
            spaces = (NAMESPACE, _PARAMETERS) if dataclasses.is_dataclass(cls) else (_PARAMETERS,)
            register(cls, _take_apart, partial(_made, cls), spaces)
        if found:
            return flatten(tree, parameters)
    return leaves, treedef


class Mixed:
    """How to rebuild a container of which some leaves, by their numbers, are constants."""

    __slots__ = ("treedef", "constants")

    def __init__(self, treedef: Treedef, constants: dict[int, Any]) -> None:
        self.treedef, self.constants = treedef, constants

    def variable(self, leaves: list[Any]) -> list[Any]:
        """Leave out of all the leaves those that are constants."""
        return [leaf for i, leaf in enumerate(leaves) if i not in self.constants]

    def all(self, leaves: Any) -> list[Any]:
        """Put the constants back among the other leaves."""
        rest, n = iter(leaves), len(leaves) + len(self.constants)
        return [self.constants[i] if i in self.constants else next(rest) for i in range(n)]


def variable(treedef: Treedef, leaves: list[Any]) -> list[Any]:
    """Leave out of all the leaves those that `treedef` knows as constants."""
    return treedef.variable(leaves) if type(treedef) is Mixed else leaves


def mixed(treedef: Treedef, leaves: list[Any], constant: Any) -> tuple[list[Any], Treedef]:
    """Part leaves into those that vary and those that are constants."""
    constants = {i: leaf for i, leaf in enumerate(leaves) if constant(leaf)}
    if treedef is None or not constants:
        return leaves, treedef
    found = Mixed(treedef, constants)
    return found.variable(leaves), found


def unflatten(treedef: Treedef, leaves: Any) -> Any:
    """Rebuild the container that `flatten` took apart, around new leaves."""
    if treedef is None:
        (leaf,) = leaves
        return leaf
    if type(treedef) is Mixed:
        return optree.tree_unflatten(treedef.treedef, treedef.all(leaves))
    return optree.tree_unflatten(treedef, leaves)


def one_level(tree: Any) -> Any:
    """Take only the outermost container apart."""
    return optree.tree_flatten_one_level(tree, namespace=NAMESPACE)


def map_leaves(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Apply `f` to every leaf (and to the leaves of `rest` at the same places)."""
    leaves, treedef = flatten(tree)
    others = [flatten(r)[0] for r in rest]
    return unflatten(treedef, [f(*xs) for xs in zip(leaves, *others, strict=True)])


def paths(tree: Any, parameters: bool = False) -> list[str]:
    """Return a readable path for every leaf, such as ``['W'][0]`` or ``.bias``."""
    _, treedef = flatten(tree, parameters)
    if treedef is None:
        return [""]
    accessors = optree.treespec_accessors(treedef)
    return [accessor.codify("") for accessor in accessors]


def same_structure(a: Treedef, b: Treedef) -> bool:
    """Say whether two trees have the same containers at the same places."""
    if a is None and b is None:
        return True
    leaf = optree.tree_structure(0.0, namespace=NAMESPACE)
    a, b = (t.treedef if type(t) is Mixed else leaf if t is None else t for t in (a, b))
    return bool(a == b)


def register(
    cls: type, take_apart: Any, rebuild: Any, spaces: tuple[str, ...] = _SPACES, entry: Any = None
) -> None:
    """Take objects of `cls` apart by a function, and put them together by another."""
    for space in spaces:
        optree.register_pytree_node(
            cls, take_apart, rebuild, path_entry_type=entry or optree.GetAttrEntry, namespace=space
        )
    _known.add(cls)


def _entry(cls: type) -> Any:
    """Return how the leaves of a frame are told: a column by its label, a series by its name."""
    if cls.__name__ == "DataFrame":
        return optree.MappingEntry
    return type("_Whole", (optree.GetAttrEntry,), {"codify": lambda self, node="": node})


# --- objects --------------------------------------------------------------------------------------

_HEAP = 1 << 9  # the flag of a class made by a `class` statement
_NUMBERS = "__array__ __array_ufunc__ __float__ __complex__ __index__ dtype shape".split()


def _is_container(cls: type) -> bool:
    """Say whether the attributes of an object are all there is to it, and it is no array itself."""
    if dataclasses.is_dataclass(cls):
        return True
    if issubclass(cls, SimpleNamespace):
        return True
    home = cls.__module__.split(".")[0]
    library = home in sys.stdlib_module_names or home == "chainrule"  # such as stand-ins
    own = all(c.__flags__ & _HEAP for c in cls.__mro__[:-1]) and not issubclass(cls, enum.Enum)
    return own and not library and not any(hasattr(cls, a) for a in _NUMBERS)


def state(obj: Any) -> dict[str, Any]:
    """Return the attributes that an object holds, by name."""
    names = (name for name in slots(type(obj)) if hasattr(obj, name))
    return dict(_dict_of(obj)) | {name: getattr(obj, name) for name in names}


def _dict_of(obj: Any) -> Any:
    try:
        return object.__getattribute__(obj, "__dict__")
    except AttributeError:
        return {}


def slots(cls: type) -> list[str]:
    """Return the names of the slots of a class and its bases, as they are found on an object."""
    return list(_slots(cls))


def _slots(cls: type) -> Iterator[str]:
    for c in cls.__mro__:
        slots = vars(c).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                hidden = name.startswith("__") and not name.endswith("__")
                yield f"_{c.__name__.lstrip('_')}{name}" if hidden else name


def assign(obj: Any, attributes: dict[str, Any]) -> None:
    """Let an object hold these attributes and no others, past what its class does on setting."""
    own = set(_slots(type(obj)))
    held = _dict_of(obj)
    held.clear()
    for name in own - attributes.keys():
        if hasattr(obj, name):
            object.__delattr__(obj, name)
    for name, value in attributes.items():
        if name in own:
            object.__setattr__(obj, name, value)
        else:
            held[name] = value


def given(obj: Any) -> dict[str, Any]:
    """Return the attributes of an object but for those that are computed when asked for."""
    cls = type(obj)
    held = state(obj).items()
    return {k: v for k, v in held if not isinstance(getattr(cls, k, None), cached_property)}


def _take_apart(obj: Any) -> tuple[list[Any], tuple[str, ...], tuple[str, ...]]:
    held = given(obj)
    computed, names = computed_by_init(type(obj), held), tuple(held)
    return [Fixed(v) if n in computed else v for n, v in held.items()], names, names


def _made(cls: type, names: tuple[str, ...], children: Any) -> Any:
    obj = cls.__new__(cls) if issubclass(cls, SimpleNamespace) else object.__new__(cls)
    held = [child.value if type(child) is Fixed else child for child in children]
    assign(obj, dict(zip(names, held, strict=True)))
    return obj


def computed_by_init(cls: type, names: Any) -> set[str]:
    """Return those attributes that ``__post_init__`` computes from the fields."""
    if dataclasses.is_dataclass(cls) and hasattr(cls, "__post_init__"):
        given = {f.name for f in dataclasses.fields(cls) if f.init}
    elif hasattr(cls, "__attrs_post_init__"):
        given = {f.name for f in cls.__attrs_attrs__ if f.init}
    else:
        return set()
    return set(names) - given


def post_init(obj: Any) -> Any:
    """Return what computes such attributes again."""
    return getattr(obj, "__post_init__", None) or getattr(obj, "__attrs_post_init__", None)


def compute_again(tree: Any) -> None:
    """Let the objects in a tree compute what ``__post_init__`` computes of their fields."""
    for obj in objects_in(tree):
        if computed_by_init(type(obj), given(obj)):
            post_init(obj)()


def objects_in(tree: Any) -> Iterator[Any]:
    """Give the objects in a tree that are taken apart into attributes, the inner ones first."""
    kind = type(tree)
    if kind in object_classes:
        for value in state(tree).values():
            yield from objects_in(value)
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from objects_in(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from objects_in(value)


@contextmanager
def in_place(old: Any, new: Any) -> Iterator[Any]:
    """Give `new`, with the objects of `old` in the places of their copies, and with their state.

    Functions and other objects that know those of `old` meet the new attributes within, and the old
    ones afterwards.
    """
    held = [(obj, state(obj)) for obj in objects_in(old)]
    try:
        yield _adopt(old, new)
    finally:
        for obj, attributes in held:
            assign(obj, attributes)


def _adopt(old: Any, new: Any) -> Any:
    kind = type(old)
    if kind in object_classes:
        held = state(new)
        before = state(old)
        assign(old, {name: _adopt(before[name], value) for name, value in held.items()})
        return old
    if isinstance(old, dict):
        for key, value in old.items():
            new[key] = _adopt(value, new[key])
    elif isinstance(old, list):
        new[:] = map(_adopt, old, new)
    elif isinstance(old, tuple) and any(True for _ in objects_in(old)):
        made = map(_adopt, old, new)
        return kind(*made) if hasattr(old, "_fields") else tuple(made)
    return new

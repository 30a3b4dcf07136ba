"""Containers of arrays (pytrees) to flat lists and back, through optree.

Dicts, lists, tuples, named tuples, ordered dicts and None are optree's own; dataclasses are
registered when first met.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import optree

_NAMESPACE = "chainrule"
_known: set[type] = set()
_plain = {np.ndarray, np.float64, float, int}

Treedef = Any


def flatten(tree: Any) -> tuple[list[Any], Treedef]:
    """Return the leaves of `tree` and what is needed to rebuild it; a bare array is one leaf."""
    if type(tree) is np.ndarray or type(tree) is float or type(tree) is np.float64:
        return [tree], None
    leaves, treedef = optree.tree_flatten(tree, namespace=_NAMESPACE)
    kinds = {type(x) for x in leaves}
    if not kinds <= _plain:
        fresh = {kind for kind in kinds - _known if dataclasses.is_dataclass(kind)}
        for cls in fresh:
            _register_dataclass(cls)
        if fresh:
            return flatten(tree)
    return leaves, treedef


def unflatten(treedef: Treedef, leaves: Any) -> Any:
    """Rebuild the container that `flatten` took apart, around new leaves."""
    if treedef is None:
        (leaf,) = leaves
        return leaf
    return optree.tree_unflatten(treedef, leaves)


def map_leaves(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Apply `f` to every leaf (and to the leaves of `rest` at the same places)."""
    leaves, treedef = flatten(tree)
    others = [flatten(r)[0] for r in rest]
    return unflatten(treedef, [f(*xs) for xs in zip(leaves, *others, strict=True)])


def paths(tree: Any) -> list[str]:
    """Return a readable path for every leaf, such as ``['W'][0]`` or ``.bias``."""
    _, treedef = flatten(tree)
    if treedef is None:
        return [""]
    accessors = optree.treespec_accessors(treedef)
    return [accessor.codify("") for accessor in accessors]


def same_structure(a: Treedef, b: Treedef) -> bool:
    """Say whether two trees have the same containers at the same places."""
    leaf = optree.tree_structure(0.0, namespace=_NAMESPACE)
    return bool((leaf if a is None else a) == (leaf if b is None else b))


def _register_dataclass(cls: type) -> None:
    names = [f.name for f in dataclasses.fields(cls)]

    def take_apart(obj: Any) -> tuple[list[Any], None, list[str]]:
        return [getattr(obj, n) for n in names], None, names

    def rebuild(_: None, children: Any) -> Any:
        obj = object.__new__(cls)
        for name, child in zip(names, children, strict=True):
            object.__setattr__(obj, name, child)
        return obj

    optree.register_pytree_node(
        cls, take_apart, rebuild, path_entry_type=optree.GetAttrEntry, namespace=_NAMESPACE
    )
    _known.add(cls)

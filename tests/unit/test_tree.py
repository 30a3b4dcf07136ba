"""Containers taken apart and put together."""

import collections
import dataclasses
from typing import Any

import numpy as np
import pytest

from chainrule import tree

Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass
class Node:
    w: Any
    inner: Any = None


@dataclasses.dataclass(frozen=True)
class Checked:
    """A dataclass whose constructor would refuse what stands in a tree."""

    w: Any

    def __post_init__(self) -> None:
        if not isinstance(self.w, np.ndarray):
            raise TypeError("w must be an array")


TREES: list[Any] = [
    1.0,
    np.ones(2),
    np.float32(2),
    [1.0, 2.0],
    (1.0, [2.0, {"a": 3.0}]),
    {"b": 1.0, "a": (2.0,)},
    Pair(1.0, [2.0]),
    collections.OrderedDict(b=1.0, a=2.0),
    collections.deque([1.0, 2.0]),
    None,
    {"a": None, "b": 1.0},
    Node(1.0, Node([2.0, 3.0])),
    [],
]


@pytest.mark.parametrize("value", TREES, ids=repr)
def test_apart_and_together(value: Any) -> None:
    leaves, treedef = tree.flatten(value)
    again = tree.unflatten(treedef, leaves)
    assert type(again) is type(value)
    assert repr(again) == repr(value)
    assert len(tree.paths(value)) == len(leaves)


def test_a_bare_array_needs_no_tree() -> None:
    x = np.ones(3)
    leaves, treedef = tree.flatten(x)
    assert leaves[0] is x
    assert treedef is None
    assert tree.unflatten(None, [x]) is x


def test_paths_are_written_as_python() -> None:
    value = {"W": [1.0, (2.0,)], "n": Node(3.0, Pair(4.0, 5.0))}
    assert tree.paths(value) == [
        "['W'][0]", "['W'][1][0]", "['n'].w", "['n'].inner.left", "['n'].inner.right",
    ]  # fmt: skip
    x = value
    found = [eval("x" + path, {"x": x}) for path in tree.paths(value)]
    assert found == tree.flatten(value)[0] == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_map_leaves() -> None:
    found = tree.map_leaves(lambda a, b: a + 10 * b, {"a": [1.0], "b": 2.0}, {"a": [3.0], "b": 4.0})
    assert found == {"a": [31.0], "b": 42.0}
    with pytest.raises(ValueError, match="zip"):
        tree.map_leaves(lambda a, b: a, [1.0, 2.0], [1.0])


def test_same_structure() -> None:
    def treedef(value: Any) -> Any:
        return tree.flatten(value)[1]

    assert tree.same_structure(treedef(1.0), treedef(np.ones(3)))
    assert tree.same_structure(treedef(1.0), treedef(np.float32(1)))
    assert tree.same_structure(treedef({"a": 1.0}), treedef({"a": np.ones(2)}))
    assert not tree.same_structure(treedef(1.0), treedef([1.0]))
    assert not tree.same_structure(treedef({"a": 1.0}), treedef({"b": 1.0}))
    assert not tree.same_structure(treedef((1.0,)), treedef([1.0]))
    assert not tree.same_structure(treedef(None), treedef(1.0))


def test_a_dataclass_is_rebuilt_without_its_constructor() -> None:
    leaves, treedef = tree.flatten(Checked(np.ones(2)))
    assert len(leaves) == 1
    assert tree.unflatten(treedef, ["anything"]).w == "anything"


def test_a_dataclass_class_is_a_leaf() -> None:
    assert tree.flatten([Node])[0] == [Node]


def test_dataclasses_of_the_same_name_do_not_mix() -> None:
    first = dataclasses.make_dataclass("P", ["a"])
    second = dataclasses.make_dataclass("P", ["a", "b"])
    assert len(tree.flatten([first(1.0), second(2.0, 3.0)])[0]) == 3

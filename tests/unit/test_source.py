"""Places in the user's source: file, line, text, variable."""

import functools
import statistics
import sys
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.graph import Graph
from chainrule.tracing.source import describe, inside, resolve, user_frame


def sources(graph: Graph) -> list[Any]:
    return [resolve(node.place) for node in graph.nodes]


def program(x: Any) -> Any:
    a = 2 * x
    b, c = np.sin(a), a + 1
    d: Any = b * c
    d += 1
    if (e := np.sum(d)) > 0:
        e = np.exp(  # over several lines
            e
        )
    return e / 3


def test_every_step_knows_its_line_text_and_name() -> None:
    found = sources(cr.trace(program, np.ones(2)))
    start = program.__code__.co_firstlineno
    steps = dict.fromkeys((s.line - start, s.text, s.target) for s in found)
    del steps[(5, "(e := np.sum(d)) > 0", "")]
    assert list(steps) == [
        (1, "2 * x", "a"),
        (2, "np.sin(a)", "b"),
        (2, "a + 1", "c"),
        (3, "b * c", "d"),
        (4, "d += 1", "d"),
        (5, "np.sum(d)", "e"),
        (6, "np.exp(e)", "e"),
        (9, "e / 3", ""),
    ]
    assert {s.file for s in found} == {__file__}
    assert {s.function for s in found} == {"program"}
    assert str(found[0]) == f"{__file__}:{start + 1}"


def test_the_standard_library_and_numpy_are_looked_through() -> None:
    def by_reduce(x: Any) -> Any:
        return functools.reduce(lambda a, b: a * b, list(x))

    def by_median(x: Any) -> Any:
        return statistics.median([x[0], x[1]]) + np.ptp(x)

    for f in (by_reduce, by_median):
        for s in sources(cr.trace(f, np.array([1.0, 2.0]))):
            assert s.file == __file__
    assert inside[np.__file__]
    assert inside[statistics.__file__]
    assert inside[cr.grad.__code__.co_filename]
    assert not inside[__file__]
    assert not inside["<stdin>"]
    assert not inside[pytest.__file__]  # an installed package is the user's choice, not an inside


def test_a_source_that_is_not_there() -> None:
    code = compile("def f(x):\n    y = x * 2\n    return y + 1\n", "<nowhere>", "exec")
    space: dict[str, Any] = {}
    exec(code, space)
    first, second = sources(cr.trace(space["f"], 1.0))
    assert (first.file, first.line, first.text, first.target) == ("<nowhere>", 2, "", "")
    assert second.line == 3
    assert "<nowhere>:2" in str(first)


def test_a_source_that_changed_and_does_not_parse(tmp_path: Any) -> None:
    file = tmp_path / "broken.py"
    file.write_text("def f(x):\n    return x * 2\n")
    space: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    file.write_text("def f(x:\n    retu\n")
    (only,) = sources(cr.trace(space["f"], 1.0))
    assert only.line == 2
    assert only.target == ""


def test_no_place() -> None:
    assert resolve(None) is None
    assert describe(None) == ""


def test_describe_names_line_text_and_variable() -> None:
    def here() -> str:
        value = object()
        other = value
        return describe(user_frame(1), value) + str(other)[:0]

    words = here()
    assert f"{__file__}:" in words
    assert "in here" in words
    assert "'value', 'other'" in words


def test_describe_keeps_long_lines_short() -> None:
    def here() -> str:
        return describe(sys._getframe(), None) + "".join(
            str(n) for n in (1000000, 2000000, 3000000, 4000000)
        )

    assert len(here().split(":  ")[1]) < 140


def test_user_frame_is_this_one() -> None:
    frame = user_frame(1)
    assert frame is not None
    assert frame.f_code.co_name == "test_user_frame_is_this_one"

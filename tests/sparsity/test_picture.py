"""The pattern as text and as SVG."""

import doctest
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import chainrule
from chainrule.sparsity import colouring, derivative, picture

from ..docs.pages import ROOT, blocks


def arrow(x: Any) -> Any:
    return np.concatenate([[np.sum(x**2)], x[0] * x[1:]])


def cells(text: str) -> list[Any]:
    found = ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}rect")
    return [r for r in found if r.get("fill", "").startswith("#")]


def test_each_entry_is_drawn_once_and_read_once(capsys: Any) -> None:
    J = chainrule.jacobian(arrow, sparse=True).prepare(np.ones(6))
    drawn = cells(J.svg())
    read = [r for r in drawn if r.get("opacity") != "0.2"]
    assert len(read) == 2 * J.pattern.nnz  # in J, and where it is read from
    assert len(drawn) - len(read) == 2  # the first row of J·S, which is a sum
    J.show()
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.endswith("2 products J·s and 1 product wᵀJ, in the place of 6")
    assert rows[:2] == ["2 2 2 2 2 2", "0 1 · · · ·"]


@pytest.mark.parametrize("n", [1, 50, 121, 3000])
def test_pictures_of_all_sizes(n: int, capsys: Any) -> None:
    J = chainrule.jacobian(lambda x: x * np.roll(x, 1) + x[::-1], sparse=True).prepare(np.ones(n))
    text = J.svg()
    ElementTree.fromstring(text)
    assert len(text) < 400_000
    J.show()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 100
    assert len(lines) <= 41
    H = chainrule.hessian(lambda x: np.sum(x[1:] * x[:-1]), sparse="acyclic").prepare(np.ones(n))
    ElementTree.fromstring(H.svg())


@pytest.mark.parametrize("module", [colouring, derivative, picture], ids=lambda m: m.__name__)
def test_examples_in_docstrings(module: Any) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_names_of_functions_are_escaped() -> None:
    J = chainrule.jacobian(lambda x: x, sparse=True).prepare(np.ones(3))
    assert "Jacobian of &lt;lambda&gt;" in J.svg()


def test_the_picture_of_the_guide_is_drawn_by_its_own_program() -> None:
    page = Path(ROOT / "docs/guide/sparse.md")
    source = next(s for language, _, s in blocks(page) if language == "python")
    space: dict[str, Any] = {}
    exec(compile(source, "<guide>", "exec"), space)
    assert space["J"].svg() == (ROOT / "docs/guide/sparse.svg").read_text(encoding="utf-8")

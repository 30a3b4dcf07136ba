"""The executed pages do what they say, and link to files that are there."""

from pathlib import Path

import pytest

from .pages import ROOT, blocks, links, run

PAGES = [
    ROOT / "docs/internals/rebuild.md",
    ROOT / "docs/internals/house.md",
    ROOT / "docs/guide/quickstart.md",
    ROOT / "docs/guide/other-arrays.md",
    ROOT / "docs/guide/solvers.md",
    ROOT / "docs/guide/jit.md",
    ROOT / "docs/guide/optimisers.md",
    ROOT / "docs/guide/vmap.md",
    ROOT / "docs/guide/explain.md",
    ROOT / "docs/guide/sparse.md",
]
LONG = {"rebuild", "quickstart"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_block_runs_and_prints_what_the_page_says(page: Path) -> None:
    assert run(page) >= (10 if page.stem in LONG else 5)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    found = links(page)
    assert found
    for target in found:
        assert target.exists(), target


def test_the_loop_of_reverse_mode_fits_on_one_screen() -> None:
    (source,) = [s for lang, _, s in blocks(PAGES[0]) if lang == "python" and "def backward" in s]
    assert len(source.split("def fit")[0].splitlines()) <= 40


def test_every_section_of_the_rebuild_names_its_real_file() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    sections = text.split("\n## ")[1:]
    numbered = [s for s in sections if s[0].isdigit()]
    assert len(numbered) == 10
    for section in numbered:
        assert "> **The real file" in section, section.splitlines()[0]

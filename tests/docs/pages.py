"""Pages whose blocks are executed: ```python runs, the ```text that follows is what it prints."""

import contextlib
import io
import linecache
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, int, str]]:
    """The fenced blocks of a page: language, line of the fence, text."""
    text = page.read_text(encoding="utf-8")
    return [
        (found[1], text.count("\n", 0, found.start()) + 1, found[2])
        for found in _FENCE.finditer(text)
    ]


def run(page: Path) -> int:
    """Execute the python blocks in one namespace, compare what they print; count them."""
    found = blocks(page)
    space: dict[str, Any] = {"__name__": page.stem}
    count = 0
    for i, (language, line, source) in enumerate(found):
        if language != "python":
            continue
        count += 1
        printed = io.StringIO()
        name = f"<{page.name}:{line}>"  # a file name for tracebacks and for the user's places
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        with contextlib.redirect_stdout(printed):
            exec(compile(source, name, "exec"), space)
        follows = found[i + 1] if i + 1 < len(found) else ("", 0, "")
        expected = follows[2] if follows[0] == "text" else ""
        assert printed.getvalue() == expected, (
            f"{page.name}:{line} printed\n{printed.getvalue()}\nthe page says\n{expected}"
        )
    return count


def links(page: Path) -> list[Path]:
    """The files of this repository that a page links to."""
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    return [(page.parent / target).resolve() for target in targets]

"""Where the words go: results to stdout, progress to stderr, colour only to a terminal."""

import ctypes
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from types import TracebackType
from typing import Any, TextIO

RED, GREEN, BLUE, BOLD = "31", "32", "34", "1"


def colourful(stream: TextIO) -> bool:
    """Say whether `stream` is a terminal that wants colour (see https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """Return `text` in a colour where the stream shows one."""
    if not colourful(stream or _out()):
        return text
    return f"\033[{colour}m{text}\033[0m"


_results: list[TextIO] = []  # where results go while the user's own prints are led to stderr


@contextmanager
def results_only() -> Iterator[None]:
    """Keep stdout for results: what the user's program prints meanwhile goes to stderr."""
    with _kept_apart() as results:
        _results.append(results)
        try:
            with redirect_stdout(sys.stderr):
                yield
        finally:
            _results.pop()


@contextmanager
def _kept_apart() -> Iterator[TextIO]:
    """Return where stdout leads, and lead its descriptor to stderr.

    So goes what compiled code and other processes print, which knows nothing of `sys.stdout`.
    """
    try:
        out, err = sys.stdout.fileno(), sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):  # no files: a notebook, a test
        yield sys.stdout
        return
    sys.stdout.flush()
    kept = os.dup(out)
    with open(kept, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors) as results:
        os.dup2(err, out)
        try:
            yield results
        finally:
            results.flush()
            flush = getattr(ctypes.pythonapi, "fflush", None)
            if flush is not None:  # what C holds back is the program's, too
                flush(None)
            os.dup2(kept, out)


def result(text: str) -> None:
    """Print a result."""
    print(text, file=_out())


def _out() -> TextIO:
    return _results[-1] if _results else sys.stdout


def terminal_width() -> int:
    """Return how many columns the terminal has to which results go, 0 where it is none."""
    return shutil.get_terminal_size().columns if _out().isatty() else 0


def note(text: str) -> None:
    """Print progress or a remark."""
    print(text, file=sys.stderr, flush=True)


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]], right: frozenset[int]) -> str:
    """Lay out a plain table; the columns in `right` are set to the right."""
    columns = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(row: tuple[str, ...]) -> str:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, columns, strict=True))
        ]
        return "  ".join(cells).rstrip()

    rule = "  ".join("─" * width for width in columns)
    return "\n".join([line(header), rule, *(line(row) for row in rows)])


class Progress:
    """A progress bar on stderr: rich's where it is installed, else one line every tenth.

    Into a pipe or file only the tenths are written, so that a log stays short.
    """

    def __init__(self, words: str, total: int) -> None:
        self.words, self.total, self.done, self.tenth = words, total, 0, 0
        self.bar: Any = None
        self.task: Any = None

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
            try:
                from rich.console import Console
                from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
            except ImportError:
                return self
            self.bar = Progress(
                TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"),
                TimeRemainingColumn(), console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self.bar.start()
            self.task = self.bar.add_task(self.words, total=self.total, state="")
        return self

    def advance(self, state: str) -> None:
        """Go one step on; `state` tells where things stand, such as the loss."""
        self.done += 1
        if self.bar is not None:
            self.bar.update(self.task, advance=1, state=state)
            return
        tenth = 10 * self.done // self.total
        if tenth > self.tenth:
            self.tenth = tenth
            note(f"  {self.words} {10 * tenth:3d}%  {state}")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self.bar is not None:
            self.bar.stop()

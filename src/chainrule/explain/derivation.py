"""`explain`: the derivation of a derivative, printed from the run that computed it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.settings import undisturbed
from ..errors import UsageError
from ..lift import Argnums
from . import latex, markdown, text
from .document import Builder
from .record import Run

_MODES = ("reverse", "forward", "both")
_DETAILS = ("brief", "normal", "full")


class Derivation:
    """A derivative with its work shown.

    ``text()``, ``markdown()``, ``latex()`` and ``json()`` print the one `document`; `gradient` is
    what `grad` returns, to the last bit, since the same rules made both.
    """

    def __init__(self, document: dict[str, Any], gradient: Any, value: Any, values: Any) -> None:
        self.document = document
        self.gradient = gradient
        self.value = value
        self.values: dict[str, Any] = values

    def text(self) -> str:
        """Return the derivation as plain text in Unicode."""
        return text.render(self.document)

    def markdown(self) -> str:
        """Return the derivation as Markdown with LaTeX formulas."""
        return markdown.render(self.document)

    def latex(self) -> str:
        """Return the derivation as a LaTeX file that compiles."""
        return latex.render(self.document)

    def json(self) -> str:
        """Return the whole document as JSON (schema ``chainrule-derivation/1``), a part a line."""
        part = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode  # indented it is slow
        rows = (f"{part(key)}: {part(value)}" for key, value in self.document.items())
        return "{\n" + ",\n".join(rows) + "\n}\n"

    def save(self, path: str | Path) -> Path:
        """Write a file; its suffix chooses the format: .txt .md .tex .json."""
        target = Path(path)
        formats = {".txt": self.text, ".md": self.markdown, ".tex": self.latex, ".json": self.json}
        if target.suffix not in formats:
            raise UsageError(
                f"cannot write a derivation as {target.suffix or 'a file without suffix'!r}",
                why="the suffix of the file chooses the format",
                cure=f"use one of {', '.join(formats)}",
            )
        target.write_text(formats[target.suffix](), encoding="utf-8")
        return target

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        problem = self.document["problem"]
        return f"<derivation of {problem['function']}: {len(self.document['forward'])} steps>"

    def _repr_markdown_(self) -> str:
        return self.markdown()


@undisturbed
def explain(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    mode: str = "reverse",
    detail: str = "normal",
    output: int | tuple[int, ...] | None = None,
) -> Derivation:
    """Differentiate `f` at `args` and show every step of the work.

    Parameters
    ----------
    f : a function of NumPy numbers, arrays, or containers of them; it runs a few times (the
        recording, and the check by differences).
    args : where the derivative is taken.
    argnums : which positional arguments to differentiate, as in `grad`.
    mode : ``"reverse"`` (gradients backward), ``"forward"`` (tangents forward) or ``"both"``.
    detail : ``"brief"``, ``"normal"`` or ``"full"``.
    output : for an output that is an array, the index of the entry to explain (default: the
        first one); the derivation then gives that row of the Jacobian.

    Raises
    ------
    InputTypeError, OutputTypeError, ArgnumsError, NonFiniteError (an input is NaN), UsageError
    (a mode, detail or output that is not there), and what `grad` raises.

    >>> import numpy as np, chainrule
    >>> d = chainrule.explain(lambda x: x * np.sin(x), 2.0)
    >>> print(d.text().splitlines()[1].strip())
    y  = x · sin(x)
    """
    _choose("mode", mode, _MODES)
    _choose("detail", detail, _DETAILS)
    run = Run(f, args, argnums)
    builder = Builder(run, mode, detail, output)
    document = builder.build()
    values = {s.id: s.value for s in run.symbols.values()}
    return Derivation(document, run.call.rebuild(builder.settled), run.value, values)


def _choose(name: str, given: Any, known: tuple[str, ...]) -> None:
    if given not in known:
        raise UsageError(
            f"{name}={given!r} is not known", cure=f"write {name}= one of {', '.join(known)}"
        )

"""`draw`: the graph of a function, with values forward and gradients backward."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.settings import undisturbed
from ..errors import UsageError
from ..lift import Argnums
from .document import Builder
from .picture import Picture
from .record import Run


class Drawing:
    """A picture of a derivative; `svg()` is a file that needs nothing else."""

    def __init__(self, document: dict[str, Any], gradient: Any) -> None:
        self.document = document
        self.gradient = gradient
        self.picture = Picture(document)

    def svg(self) -> str:
        """Return the picture as SVG: the same bytes on every machine."""
        return self.picture.svg()

    def save(self, path: str | Path) -> Path:
        """Write the picture into a file ending in .svg."""
        target = Path(path)
        if target.suffix != ".svg":
            raise UsageError(
                f"cannot write a drawing as {target.suffix or 'a file without suffix'!r}",
                why="a drawing is written as SVG",
                cure="give a file name that ends in .svg",
            )
        target.write_text(self.svg(), encoding="utf-8")
        return target

    def __repr__(self) -> str:
        return (
            f"<drawing of {self.document['problem']['function']}: {len(self.picture.boxes)} boxes>"
        )

    def _repr_svg_(self) -> str:
        return self.svg()


@undisturbed
def draw(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    output: int | tuple[int, ...] | None = None,
) -> Drawing:
    """Draw the graph of `f` at `args`: boxes are values, arrows are local derivatives.

    Values run forward (solid, ▸), gradients backward (dashed, ◂, under a bar). What is
    differentiated is a rounded box, data and constants are plain, the output has a double border.
    The layout is the library's own; no other program is needed.

    Parameters and errors are those of `explain`.

    >>> import numpy as np, chainrule
    >>> picture = chainrule.draw(lambda x: x * np.sin(x), 2.0)
    >>> picture.svg().startswith("<svg")
    True
    """
    run = Run(f, args, argnums)
    builder = Builder(run, "reverse", "normal", output)
    return Drawing(builder.build(work=False), run.call.rebuild(builder.settled))

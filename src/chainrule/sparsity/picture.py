"""A pattern with its colours: as text for the terminal, and as an SVG."""

from typing import Any

import numpy as np

from .colouring import Colouring, entries

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CELLS, _ENTRIES = 120, 4000  # rows or columns, and entries, that are drawn one by one
_BLOCKS = 120  # blocks that a larger matrix is drawn with, along its longer side
_WIDTH = 480  # of the drawn matrix, in pixels, at most
_FONT = "DejaVu Sans, Verdana, Bitstream Vera Sans, sans-serif"
_HUES = (
    "#2F6FB0", "#D9822B", "#3B9C6A", "#B8478C", "#7A62C9", "#C9A227",
    "#3AA6B9", "#C4524A", "#7F9A3B", "#8A6A52", "#5A6FD6", "#6E7B87",
)  # fmt: skip


def words(pattern: Any, colouring: Colouring) -> str:
    """Say how large the pattern is, and how many products it takes."""
    m, n = pattern.shape
    share = 100 * pattern.nnz / max(m * n, 1)
    name = _name(colouring)
    given = (colouring.forward, f"{name}·s"), (colouring.backward, f"wᵀ{name}")
    parts = [f"{k:,} product{'s' * (k != 1)} {what}" for k, what in given if k] or ["no product"]
    how = f", {colouring.kind} colouring" if name == "H" else ""
    alone = f"{n:,}" if not colouring.backward else f"{m:,}" if not colouring.forward \
        else f"{min(m, n):,}"  # fmt: skip
    return (f"{m:,} × {n:,}, {pattern.nnz:,} entries ({share:.3g} %): {' and '.join(parts)}{how}, "
            f"in the place of {alone}")  # fmt: skip


def _name(colouring: Colouring) -> str:
    return "H" if colouring.kind in ("star", "acyclic") else "J"


def text(pattern: Any, colouring: Colouring) -> str:
    """Write the pattern down: the colour of each entry, or dots where it is large.

    >>> import numpy as np
    >>> from scipy import sparse
    >>> from chainrule.sparsity import colouring, picture
    >>> p = sparse.csr_array(np.tri(4, k=0, dtype=bool) & ~np.tri(4, k=-2, dtype=bool))
    >>> print(picture.text(p, colouring.colour_jacobian(p)))
    4 × 4, 7 entries (43.8 %): 2 products J·s, in the place of 4
    0 · · ·
    0 1 · ·
    · 1 0 ·
    · · 0 1
    """
    head = words(pattern, colouring)
    m, n = pattern.shape
    if max(m, n) > 40:
        return "\n".join([head, *_dots(pattern)])
    row, col = entries(pattern)
    table = np.full((m, n), "·", dtype="<U1")
    letters = np.array(list(_LETTERS))
    table[row, col] = letters[_colours(pattern, colouring) % len(letters)]
    return "\n".join([head, *(" ".join(line) for line in table)])


def _colours(pattern: Any, colouring: Colouring) -> Any:
    """Return the product that each entry is read from; of a forest, that of its column."""
    m, n = pattern.shape
    if colouring.solve is not None:
        return colouring.columns[pattern.indices]
    at, down = colouring.places, colouring.forward * m
    return np.where(at < down, at // max(m, 1), colouring.forward + (at - down) // max(n, 1))


def _dots(pattern: Any) -> list[str]:
    """Write a pattern with dots of Braille, at most 80 by 80."""
    m, n = pattern.shape
    size = max(m, n, 1)
    scale = min(1.0, 80 / size)
    rows, cols = (max(1, int(np.ceil(k * scale))) for k in (m, n))
    row, col = entries(pattern)
    rows, cols = -(-rows // 4) * 4, -(-cols // 2) * 2
    grid = np.zeros((rows, cols), int)
    grid[(row * scale).astype(int), (col * scale).astype(int)] = 1
    weights = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
    codes = (grid.reshape(rows // 4, 4, cols // 2, 2) * weights[:, None, :]).sum(axis=(1, 3))
    return ["".join(chr(0x2800 + c) for c in line) for line in codes]


def svg(pattern: Any, colouring: Colouring, title: str) -> str:
    """Draw the pattern, each entry in the colour of the product that it is read from.

    Beside it stand the columns of the compressed matrix J·S, beneath it the rows of WᵀJ, which are
    all that is computed; what is pale there is not read. A large pattern is drawn in blocks, the
    darker the fuller.
    """
    m, n = pattern.shape
    drawn = _cells if max(m, n) <= _CELLS and pattern.nnz <= _ENTRIES else _shades
    body, width, height = drawn(pattern, colouring)
    title, said = _escaped(title), _escaped(words(pattern, colouring))
    page, height = max(width, 10 * len(title), 7 * len(said)) + 48, height + 100
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{page:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {page:.0f} {height:.0f}" role="img" font-family="{_FONT}">'
        f"<title>{title}: {said}</title>"
        "<style>.page{fill:#FFFFFF}.ink{fill:#1A1F26}.dim{fill:#5A6472}.frame{fill:none;"
        "stroke:#C6CDD5}.ground{fill:#F6F8FA}.shade{fill:#2F6FB0}"
        "@media(prefers-color-scheme:dark){.page{fill:#12161C}.ink{fill:#E8ECF1}"
        ".dim{fill:#A7B0BD}.frame{stroke:#3A444F}.ground{fill:#1A2029}.shade{fill:#6DB6FF}}"
        '</style><rect class="page" width="100%" height="100%"/>'
        f'<text class="ink" x="24" y="34" font-size="16" font-weight="bold">{title}</text>'
        f'<text class="dim" x="24" y="56" font-size="12">{said}</text>'
        '<g transform="translate(24 76)">'
    )
    return head + "".join(body) + "</g></svg>\n"


def _cells(pattern: Any, colouring: Colouring) -> tuple[list[str], float, float]:
    m, n = pattern.shape
    side = max(4.0, min(20.0, _WIDTH // max(m, n, 1)))
    row, col = entries(pattern)
    colours = _colours(pattern, colouring)
    out = _field(0, 0, n, m, side)
    out += [_cell(j, i, c, side) for i, j, c in zip(row, col, colours, strict=True)]
    width, height = n * side, m * side
    name, read = _name(colouring), set(colouring.places.tolist())
    if colouring.forward:
        left = width + 36
        out += _field(left, 0, colouring.forward, m, side)
        filled = {(int(i), int(colouring.columns[j])) for i, j in zip(row, col, strict=True)
                  if colouring.columns[j] >= 0}  # fmt: skip
        out += [_cell(c, i, c, side, left, 0, c * m + i in read) for i, c in sorted(filled)]
        out.append(_label(left + colouring.forward * side / 2, height, f"{name}·S"))
        width = left + colouring.forward * side
    if colouring.backward:
        top = height + 40
        out += _field(0, top, n, colouring.backward, side)
        filled = {(int(colouring.rows[i]), int(j)) for i, j in zip(row, col, strict=True)
                  if colouring.rows[i] >= 0}  # fmt: skip
        first = colouring.forward * m
        out += [_cell(j, c, colouring.forward + c, side, 0, top, first + c * n + j in read)
                for c, j in sorted(filled)]  # fmt: skip
        out.append(_label(n * side / 2, top + colouring.backward * side, f"Wᵀ{name}"))
        out.append(_label(n * side / 2, height, name))
        return out, width, top + colouring.backward * side + 8
    out.append(_label(n * side / 2, height, name))
    return out, width, height + 8


def _field(x: float, y: float, columns: int, rows: int, side: float) -> list[str]:
    size = f'x="{x:g}" y="{y:g}" width="{columns * side:g}" height="{rows * side:g}"'
    return [f'<rect class="ground" {size}/><rect class="frame" {size}/>']


def _cell(
    j: int, i: int, colour: int, side: float, left: float = 0, top: float = 0, read: bool = True
) -> str:
    gap = 1 if side >= 8 else 0.5
    return (
        f'<rect x="{left + j * side + gap:g}" y="{top + i * side + gap:g}" '
        f'width="{side - 2 * gap:g}" height="{side - 2 * gap:g}" rx="{min(2, side / 6):.1f}" '
        f'fill="{_HUES[colour % len(_HUES)]}"{_fainter(colour) if read else _UNREAD}/>'
    )


_UNREAD = ' opacity="0.2"'  # a sum of several entries


def _fainter(colour: int) -> str:
    """Set a second and third dozen of colours apart from the first."""
    times = (colour // len(_HUES)) % 3
    return f' opacity="{1 - 0.3 * times:.1f}"' if times else ""


def _label(x: float, y: float, words: str) -> str:
    at = f'x="{x:g}" y="{y + 16:g}"'
    return f'<text class="dim" {at} font-size="12" text-anchor="middle">{words}</text>'


def _shades(pattern: Any, colouring: Colouring) -> tuple[list[str], float, float]:
    m, n = pattern.shape
    scale = _BLOCKS / max(m, n)
    rows, cols = (max(1, int(np.ceil(k * scale))) for k in (m, n))
    row, col = entries(pattern)
    keys = (row * scale).astype(int) * cols + (col * scale).astype(int)
    counts = np.bincount(keys, minlength=rows * cols).reshape(rows, cols)
    most = counts.max(initial=1)
    side = _WIDTH / _BLOCKS
    out = _field(0, 0, cols, rows, side)
    for i, j in np.argwhere(counts):
        strength = 0.35 + 0.65 * counts[i, j] / most
        out.append(f'<rect class="shade" x="{j * side:g}" y="{i * side:g}" width="{side:g}" '
                   f'height="{side:g}" opacity="{strength:.2f}"/>')  # fmt: skip
    return out, cols * side, rows * side


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

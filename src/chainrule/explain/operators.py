"""Fixed linear maps among the parameters of a step: a sparse matrix, the Jacobian of a solver.

A step holds such a map, or its transpose, as a parameter. Two of them are two letters, no letter is
one of the user's, and a transpose says so.
"""

import re
from typing import Any

import numpy as np

from ..core.graph import Node
from .record import Run, Symbol

_LETTER = re.compile(r"\{(\w+):([A-Z])\}(\(?)")  # A(u) has the entries u
_WORDS = {"J": "Jac", "A": "Mat"}  # where the letter is one of the user's
_WHAT = {
    "J": "the Jacobian of what a solver solves, at its answer",
    "A": "a sparse matrix of the program, which is held fast",
    "A(": "the sparse matrix with these entries",
}
_MAP = "map:"
SHOWN = 10_000  # entries of a matrix that is written out as an array


def named(run: Run) -> tuple[dict[int, str], list[str]]:
    """Give every fixed map of a run a symbol; return their ids, by the maps, and what is told."""
    ids: dict[int, str] = {}
    told: dict[str, list[str]] = {}
    first = {letter for letter in _WORDS if run.namer.free(letter)}
    for node in run.nodes:
        letter, held, filled = _of(node)
        if held is None or id(held.origin) in ids:
            continue
        value = None if filled else _matrix(held.origin)
        same = [id for id in ids.values() if value is not None and np.array_equal(
            run.symbols[id].value, value, equal_nan=True)]  # fmt: skip
        if same:
            ids[id(held.origin)] = same[0]
            continue
        base = letter if letter in first else _WORDS[letter]
        word, k = base, 1
        while not run.namer.free(word):
            word, k = f"{base}{k + 1}", k + 1
        name = run.namer.take(word, word)
        symbol = run.add(Symbol(_MAP + name.text, name, "map" if value is None else "constant",
                                np.zeros(()) if value is None else value))  # fmt: skip
        ids[id(held.origin)] = symbol.id
        told.setdefault(letter + filled, []).append(f"{symbol.text}(…)" if filled else symbol.text)
    return ids, [f"{', '.join(names)}: {_WHAT[what]}" for what, names in told.items()]


def _of(node: Node) -> tuple[str, Any, str]:
    """Return the letter of the map that a step holds, the map, and whether a step fills it."""
    notation = node.op.notation if node.op is not None else None
    found = _LETTER.search(notation.text) if notation is not None else None
    return ("", None, "") if found is None else (found[2], node.params.get(found[1]), found[3])


def _matrix(held: Any) -> Any:
    found = getattr(held, "matrix", None)
    if found is None or np.prod(found.shape) > SHOWN:
        return None
    return found.toarray() if hasattr(found, "toarray") else np.array(found)

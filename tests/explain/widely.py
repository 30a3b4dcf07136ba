"""Reads the lines of arrays as mathematics, with the digits of a long double.

As in `exactly`, a symbol is what its first line says, computed from the decimals of the inputs.
"""

import numpy as np

from .reader import NUMBER, Parser, is_value, lines_of_text, shown, split

WIDE = np.finfo(np.longdouble).eps < 1e-18


def wide(v):
    a = np.asarray(v)
    if a.dtype.kind != "f":
        return a
    return np.array([np.longdouble(str(x)) for x in a.ravel()]).reshape(a.shape)[()]


class Widely(Parser):
    def number(self, found):
        self.at = found.end()
        return np.longdouble(found.group().replace("−", "-"))


def check(derivation):
    """Hold every ``=`` between formulas, and to entries that are shown; return how many."""
    document = derivation.document
    given = [s for s in document["symbols"].values() if s["kind"] in ("input", "data", "constant")]
    names = {"π": wide(np.pi), "e": wide(np.e)}
    names |= {s["text"]: wide(derivation.values[s["id"]]) for s in given}
    held, told = 0, set(names)
    ids = {s["text"]: s["id"] for s in document["symbols"].values()}
    lines = lines_of_text(derivation.text())
    if document["problem"]["statement"] is not None:
        lines = lines[1:]
    for line in lines:
        if "floating point" in line:  # a note
            continue
        (_, first), *sides = split(line)
        relation, text = sides[0]
        if first not in told and (first not in names or relation == "="):
            rounded = is_value(text) or (relation == "≈" and NUMBER.fullmatch(text))
            names[first] = wide(derivation.values[ids[first]]) if rounded else (
                Widely(text, names).evaluate())  # fmt: skip
            told |= {first} if relation == "=" else set()
        value = names[first]
        for relation, text in sides:
            if relation != "=":
                continue
            if is_value(text) and np.ndim(value):
                entries, _ = shown(text)
                corner = value[tuple(slice(0, 6 if value.ndim == 1 else 3) for _ in value.shape)]
                other, mine = np.array([wide(float(np.real(e))) for e in entries]), corner.ravel()
            elif not is_value(text):
                other, mine = np.ravel(Widely(text, names).evaluate()), np.ravel(value)
            else:
                continue
            if other.dtype.kind != "f" or other.shape != mine.shape:
                continue
            held += 1
            near = np.abs(other - mine) <= 1e-17 * (np.abs(other) + np.abs(mine)) + 1e-22
            assert np.all(near | ~np.isfinite(mine)), line
    return held

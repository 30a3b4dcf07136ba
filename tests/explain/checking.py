"""Reads a whole derivation back, in every format, and counts the equations that it checked."""

import json

import numpy as np

from chainrule.explain.evaluation import evaluate
from chainrule.explain.expr import App, from_json

from . import latex_reader, reader


def names_of(derivation, latex=False):
    symbols = derivation.document["symbols"].values()
    constants = {"\\pi": np.pi, "\\operatorname{e}": np.e} if latex else {"π": np.pi, "e": np.e}
    key = "latex" if latex else "text"
    return constants | {s[key]: derivation.values[s["id"]] for s in symbols}


def lines_in(data):
    """Find every line of equalities in a document."""
    if isinstance(data, dict):
        if "lhs" in data and "sides" in data:
            yield data
        for v in data.values():
            yield from lines_in(v)
    elif isinstance(data, list):
        for v in data:
            yield from lines_in(v)


def check_text(derivation):
    names, count = names_of(derivation), 0
    for line in reader.lines_of_text(derivation.text()):
        assert reader.check_line(line, names) > 0
        count += 1
    return count


def check_latex(derivation):
    names, counts = names_of(derivation, latex=True), []
    for lines in (
        latex_reader.lines_of_markdown(derivation.markdown()),
        latex_reader.lines_of_latex(derivation.latex()),
    ):  # fmt: skip
        counts.append(len(lines))
        for line in lines:
            text, found = latex_reader.from_latex(line, names)
            assert reader.check_line(text, found) > 0, line
    return counts


class Value:
    def __init__(self, value):
        self.value = value


def check_json(derivation, tight=1e-9):
    """Evaluate every tree of the JSON with full precision by the operations' own code."""
    document = json.loads(derivation.json())
    symbols = {k: Value(v) for k, v in derivation.values.items()}
    count = 0
    for line in lines_in({k: v for k, v in document.items() if k != "tangents"}):
        truth = np.asarray(evaluate(from_json(line["lhs"]), symbols))
        for side in line["sides"]:
            with np.errstate(all="ignore"):
                value = np.asarray(evaluate(from_json(side), symbols))
            if value.size == truth.size:
                value = value.reshape(truth.shape)
            scale = np.max(np.abs(truth), initial=0, where=np.isfinite(truth))
            noise = 64 * np.finfo(float).eps * largest(from_json(side), symbols)
            np.testing.assert_allclose(value, truth, rtol=tight, atol=tight * scale + noise)
            count += 1
    return count


def largest(tree, symbols):
    """Return the largest number on the way: what cancels keeps the rounding of what it was."""
    parts = tree.args if isinstance(tree, App) else ()
    sizes = [largest(part, symbols) for part in parts]
    with np.errstate(all="ignore"):
        found = evaluate(tree, symbols)
    for part in found if isinstance(found, tuple | list) else (found,):
        part = np.abs(np.asarray(part)) if np.asarray(part).dtype.kind in "fc" else np.zeros(0)
        sizes.append(float(np.max(part, initial=0, where=np.isfinite(part))))
    return max(sizes, default=0.0)


def check_all(derivation):
    """Check all four formats; the text must hold every line with something to check."""
    found = check_text(derivation)
    markdown, latex = check_latex(derivation)
    assert markdown == latex >= found
    check_json(derivation)
    return found

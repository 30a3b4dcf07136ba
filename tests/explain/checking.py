"""Reads a whole derivation back, in every format, and counts the equations that it checked."""

import json

import numpy as np

from chainrule.explain.as_json import from_json
from chainrule.explain.evaluation import evaluate

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
            if np.allclose(value, truth, tight, tight * scale, equal_nan=True):
                count += 1
                continue
            off = np.abs(value - truth)
            assert np.all(off <= rounding(from_json(side), symbols, value)), (line, value, truth)
            count += 1
    return count


def rounding(tree, symbols, value):
    """Return what one ulp in every number of a tree makes of its value, element by element.

    Where all but rounding cancels, an order of products that is printed otherwise than it was
    computed gives other digits: of those nothing can be asked but that they are that small.
    """
    rng, most, step = np.random.default_rng(0), np.zeros(value.shape), 1e-6
    for _ in range(4):
        moved = {k: Value(_nudged(v.value, rng, step)) for k, v in symbols.items()}
        with np.errstate(all="ignore"):
            other = np.asarray(evaluate(tree, moved)).reshape(value.shape)
        most = np.maximum(most, np.nan_to_num(np.abs(other - value), nan=0.0, posinf=0.0))
    return 4 * np.finfo(float).eps / step * most


def _nudged(value, rng, step):
    a = np.asarray(value)
    return a * (1 + step * rng.uniform(-1, 1, a.shape)) if a.dtype.kind in "fc" else value


def check_all(derivation):
    """Check all four formats; the text must hold every line with something to check."""
    found = check_text(derivation)
    markdown, latex = check_latex(derivation)
    assert markdown == latex >= found
    check_json(derivation)
    return found

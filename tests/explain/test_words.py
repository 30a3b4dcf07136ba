"""What is printed is in words of NumPy, of SciPy, or of mathematics: no key of the engine's own."""

import cmath
import gc
import importlib
import math
import re
from itertools import islice

import numpy as np
import pytest

from chainrule.core import registry
from chainrule.core.op import Op
from chainrule.core.spoken import SPOKEN, spoken
from chainrule.explain.expr import App, Sym, key_of
from chainrule.explain.latex import LatexWriter
from chainrule.explain.writer import Writer
from chainrule.testing.samples import cases
from chainrule.testing.structure import bound
from tests.everyday.collect import programs

from .test_tex import unreadable

MODULES = """numpy numpy.linalg numpy.fft numpy.lib.stride_tricks numpy.polynomial scipy.special
scipy.linalg scipy.fft scipy.signal scipy.signal.windows scipy.interpolate scipy.ndimage scipy.stats
scipy.sparse.linalg scipy.spatial scipy.spatial.distance scipy.optimize scipy.integrate""".split()
PUBLIC = {n for m in MODULES for n in dir(importlib.import_module(m))} | {*dir(np.ndarray)}
PUBLIC |= {*dir(math), *dir(cmath), *dir(__import__("scipy.stats").stats.norm)}
MATHEMATICS = set("""exponent fraction mantissa gaussian outer ones zeros sech² compared cell
moment sqrt_of_sum mass""".split())


def all_ops():
    registry.load_all()
    programs()
    return [op for op in gc.get_objects() if isinstance(op, Op) and op.notation is not None] + [
        op for op in registry.ops() if op.notation is None]


OWN = {op.name.rpartition(".")[2] for op in all_ops()} - PUBLIC
SECRET = {name for name in OWN if spoken(name) != name}
CASES = [case for op in registry.ops() for case in islice(cases(op, np.float64), 1)]


def test_every_record_has_a_word_of_numpy_scipy_or_mathematics():
    words = {op.name: spoken(op.name) for op in all_ops()}
    unknown = {name: w for name, w in words.items()
               if name.rpartition(".")[2] == w and w not in PUBLIC and w not in MATHEMATICS}
    assert unknown == {}


def test_no_word_is_kept_for_an_operation_that_is_gone():
    assert {name for name in SPOKEN if name not in OWN} <= PUBLIC


def test_no_word_is_kept_that_the_endings_say(monkeypatch):
    said = dict(SPOKEN)
    for name, word in said.items():
        monkeypatch.delitem(SPOKEN, name)
        assert spoken(name) != word, name
        monkeypatch.setitem(SPOKEN, name, word)
    assert spoken("matrix_rank") == "matrix_rank"


def secrets(text):
    """Return the engine's own keys that stand in a text as words."""
    return {w for w in re.findall(r"[A-Za-z_][A-Za-z_0-9]*", text.replace("\\_", "_"))
            if w in SECRET and "_" in w}


def written(case):
    """Return the text and the LaTeX of one call of a record."""
    inputs, params = bound(case)
    symbols = {f"x{k}": {"text": f"x{k}", "latex": f"x_{{{k}}}"} for k in range(len(inputs))}
    args = tuple(Sym(f"x{k}", np.shape(x)) for k, x in enumerate(inputs))
    with np.errstate(all="ignore"):
        found = case.record.value(*inputs, **params)
    shape = () if case.record.outputs else np.shape(found)
    tree = App(key_of(case.record), args, dict(params), shape)
    return Writer(symbols).expr(tree), LatexWriter(symbols).expr(tree)


@pytest.mark.filterwarnings("ignore")
def test_no_call_of_a_record_is_printed_by_the_engines_key():
    formulas = []
    for case in CASES:
        text, latex = written(case)
        assert secrets(text) == set(), text
        assert secrets(latex) == set(), latex
        assert " at 0x" not in text, text
        formulas.append(latex)
    assert len(formulas) > 400
    assert unreadable(formulas) == []

"""docs/coverage.md says what is so, and leaves out no function of the NumPy that runs.

``python -m chainrule.testing.coverage docs/coverage.md`` writes the page anew.
"""

import warnings
from typing import Any

import numpy as np
import pytest

import chainrule
from chainrule.errors import UnsupportedFunctionError
from chainrule.ops.numpy.kinds import REFUSED, entries, named
from chainrule.testing import coverage

from .pages import ROOT

PAGE = ROOT / "docs" / "coverage.md"
HERE = [n for n in REFUSED if named(n) is not None]
NAMES = {e.name: e for e in coverage.numpy_entries()}


def test_every_function_of_numpy_is_of_one_kind() -> None:
    unknown = [e.name for e in NAMES.values() if e.kind == coverage.UNKNOWN]
    assert not unknown, "say in ops/numpy/kinds.py, by a record or by a sample what these are"
    assert not coverage.doubles()


def test_the_kinds_are_all_there() -> None:
    counts = {k: sum(e.kind == k for e in NAMES.values()) for k in ("rule", "own", "constant")}
    assert counts["rule"] > 400
    assert counts["own"] > 25
    assert counts["constant"] > 150


def test_what_is_called_constant_has_no_rule() -> None:
    """A function in the table of constants does not pass a derivative on by its record."""
    from chainrule.core.op import Op
    from chainrule.core.slots import Index

    for name in entries():
        record = coverage._record(named(name))
        if isinstance(record, Op):
            assert all(isinstance(slot, Index) for slot in record.slots), name


@pytest.mark.parametrize("name", [n for n in coverage.OWN_CALLS if n in NAMES])
def test_numpys_own_python_is_differentiated_rightly(name: str) -> None:
    own, function = coverage.OWN_CALLS[name], named(name)
    rng = np.random.default_rng(3)
    xs = tuple(rng.uniform(0.3, 1.5, shape) for shape in own.shapes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        chainrule.check_grads(lambda *xs: own.call(function, *xs), xs, order=2)


CALLS = {
    "numpy.save": "np.save('/dev/null', x)",
    "numpy.savez": "np.savez('/dev/null', x)",
    "numpy.savez_compressed": "np.savez_compressed('/dev/null', x)",
    "numpy.savetxt": "np.savetxt('/dev/null', x)",
    "numpy.bmat": "np.bmat([[x, x]])",
    "numpy.nested_iters": "np.nested_iters(x, [[0], [1]])",
    "numpy.frompyfunc": "np.frompyfunc(lambda v: v, 1, 1)(x)",
    "numpy.rec.array": "np.rec.array([x, x], dtype=[('a', float), ('b', float)])",
    "numpy.rec.fromarrays": "np.rec.fromarrays([x, x], names='a,b')",
    "numpy.rec.fromrecords": "np.rec.fromrecords([(x[0, 0], x[0, 1])], names='a,b')",
}  # as a program writes them: the third door is found by name


@pytest.mark.parametrize("name", HERE)
@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_refused_function_says_what_to_write_instead(name: str) -> None:
    call = CALLS.get(name, f"np.{name.rsplit('.', 1)[1]}(x)")
    f: Any = eval(f"lambda x: ({call}, np.sum(x))[1]", globals())
    with pytest.raises(UnsupportedFunctionError) as caught:
        chainrule.grad(f)(np.ones((2, 2)))
    if name != "numpy.frompyfunc":
        assert caught.value.cure == REFUSED[name][1]
        assert caught.value.why == REFUSED[name][0]


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    if coverage.versions() not in text:
        pytest.skip(f"the page is made with other versions than {coverage.versions()}")
    assert text == coverage.page(), "write it anew: see the head of this file"

"""Sentences that a teacher found to be false in a second reading, by their kinds."""

import re
import warnings

import numpy as np
import pytest

import chainrule
from chainrule.cli.main import main
from chainrule.errors import NonScalarOutputError
from chainrule.explain import explain

pytestmark = pytest.mark.filterwarnings("ignore")


def section(f, x, number):
    text = explain(f, x).text()
    found = re.search(rf"^{number} .*?(?=^\d+ |\Z)", text, re.DOTALL | re.MULTILINE)
    return found.group() if found else ""


# --- numbers that NumPy has no integers for -------------------------------------------------------
@pytest.mark.parametrize("f", [
    lambda x: x * 6.022e23, lambda x: 2.0**64 * x, lambda x: np.sin(x) * 1e20 + 1e300 * x,
    lambda x: (x - 1e25) ** 2,
])  # fmt: skip
def test_large_whole_numbers(f):
    derivation = explain(f, 1.5)
    assert derivation.gradient == chainrule.grad(f)(1.5)
    assert derivation.text()


def test_the_command_takes_large_whole_numbers(capsys):
    assert main(["explain", "1e20*x", "--at", "x=2"]) == 0
    assert "dy/dx  = 1e20" in capsys.readouterr().out


# --- explain and grad say the same ----------------------------------------------------------------
@pytest.mark.parametrize("f, x", [(lambda x: x ** (1 / 3), -8.0), (lambda x: x**x, -1.5)])
def test_complex_results_are_refused_as_by_grad(f, x):
    with pytest.raises(NonScalarOutputError, match="returned a complex number"):
        explain(f, x)


def test_a_limit_that_grad_denies_is_not_told():
    derivation = explain(lambda x: x**x, -2.0)
    assert np.isnan(derivation.gradient)
    assert np.isnan(chainrule.grad(lambda x: x**x)(-2.0))
    assert "there is no limit" in derivation.text()
    assert "✓" not in derivation.text()


def test_what_keeps_state_is_not_compared():
    kept = [0]

    def counting(x):
        kept[0] += 1
        return x * kept[0]

    derivation = explain(counting, 2.0)
    words = chainrule.check(counting, 2.0).uncompared
    assert derivation.gradient == 1
    assert f"nothing is compared: {words}" in derivation.text()
    for claim in ("limit", "jumps", "✓", "✗"):
        assert claim not in derivation.text()

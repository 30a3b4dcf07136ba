"""What a student stumbles over in a derivation that is true, by its kinds."""

import numpy as np
import pytest
from scipy.optimize import fsolve, leastsq

from chainrule.explain import explain

pytestmark = pytest.mark.filterwarnings("ignore")


def text(f, *xs, **options):
    return explain(f, *xs, **options).text()


# --- what the check tries is no matter of the terminal's ------------------------------------------
@pytest.mark.parametrize("solver", [fsolve, lambda f, x: leastsq(f, x)[0]])
def test_what_a_solver_prints_of_complex_numbers_is_not_shown(solver, capfd):
    explain(lambda a: solver(lambda x: x**2 - a, 1.0)[0], 2.0)
    assert capfd.readouterr() == ("", "")


# --- a name with a prime reads as a derivative ----------------------------------------------------
@pytest.mark.parametrize(("f", "xs", "name"), [
    (lambda y: y, (2.0,), "f"), (lambda x, y: max(x, y), (1.0, 2.0), "f"),
    (lambda y, f: y, (2.0, 3.0), "out"), (lambda y: y, (np.ones(2),), "f"),
    (lambda y, f, out, result: y * 2, (2.0, 3.0, 4.0, 5.0), "out₁"),
])  # fmt: skip
def test_the_output_has_a_name_of_its_own(f, xs, name):
    said = text(f, *xs)
    assert f"find the derivative of {name} (" in said
    assert "y'" not in said

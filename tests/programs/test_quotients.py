"""Derivatives at 0/0 that a program guards are right, or told: never what rounding made of it."""

import warnings

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainRuleError, IndeterminateWarning, KinkWarning, UncheckedWarning

from .quotients import random_quotient

TOLD = (IndeterminateWarning, KinkWarning, UncheckedWarning)


def derivative(by, f):
    """Return a derivative, or None where it was told that there is doubt."""
    with warnings.catch_warnings(record=True) as told, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            found = by(f)(np.float64(f.point))
        except ChainRuleError:
            return None
    return None if any(issubclass(w.category, TOLD) for w in told) else float(found)


@pytest.mark.seeds(60, 3000)
def test_what_rounding_makes_of_a_quotient_is_no_derivative(seed):
    f = random_quotient(seed)
    first, second = derivative(cr.grad, f), derivative(cr.hessian, f)
    # rows that are extrapolated end where a power of h is rounding: eps^(1/3), eps^(1/5)
    assert first is None or first == pytest.approx(f.first, rel=1e-5, abs=1e-5), f.text
    assert second is None or second == pytest.approx(f.second, rel=1e-3, abs=1e-3), f.text


def test_most_of_them_are_found():
    """Of first order and the first two powers nearly all are; of third order many are told."""
    found = [derivative(cr.grad, random_quotient(seed)) is not None for seed in range(60)]
    assert sum(found) >= 45

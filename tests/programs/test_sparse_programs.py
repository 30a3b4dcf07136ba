"""Random programs on sparse matrices: form, order, memory and numbers are the plain run's."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainRuleError

from .sparse import programs

X, T = np.array([0.71, 1.32, 2.13]), np.array([1.1, -0.7, 0.4])
COUNT = 480


def verdict(f):
    """Compare a program with its plain run; say whether SciPy, or a trace, refuses it."""
    said, beside = [], []
    h = 1e-5
    try:
        wanted = f(X.copy(), said)
        slopes = (f(X + h * T, beside) - f(X - h * T, beside)) / (2 * h)
    except Exception:
        return "SciPy"
    if beside != said + said:  # another structure beside the point
        return "SciPy"
    seen = []
    try:
        value, found = cr.jvp(lambda x: f(x, seen), (X,), (T,))
    except ChainRuleError:
        return "refused"
    assert seen[: len(said)] == said
    np.testing.assert_allclose(value, wanted, rtol=1e-10, atol=1e-12)
    with_weights = np.cos(np.arange(found.size))
    back = cr.vjp(lambda x: f(x, []), X)[1](with_weights)[0]  # after all that was stored in place
    if not np.isnan(back).any():
        np.testing.assert_allclose(back @ T, with_weights @ found, rtol=1e-9, atol=1e-9)
    told = np.isnan(found)  # such as the slope of a root of 0: a warning says so
    np.testing.assert_allclose(found, np.where(told, found, slopes), rtol=1e-5, atol=1e-5)
    return "told" if told.any() else "right"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("start", range(0, COUNT, 20))
def test_programs_are_as_their_plain_runs(start):
    verdicts = []
    for text, f in programs(range(start, start + 20)):
        try:
            verdicts.append(verdict(f))
        except AssertionError as error:
            raise AssertionError(f"{text}\n{error}") from error
    assert verdicts.count("right") > 4 * (verdicts.count("refused") + verdicts.count("told"))

"""Series and frames of traced values: right, or refused in our words with a cure that works."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainRuleError

pd = pytest.importorskip("pandas")
X = np.array([1.2, 2.5, 0.7, 3.1])
W = np.array([1.0, -2.0, 0.5])


def _stored(x, store):
    s = pd.Series([1.0, 2.0, 3.0, 4.0])
    store(s, x)
    return s.sum()


REFUSED = {  # what is refused, and the same as the cure asks
    "rolling": (
        lambda x: pd.Series(x).rolling(2).mean().iloc[1:].to_numpy() @ W,
        lambda x: np.convolve(x, np.ones(2) / 2, "valid") @ W,
    ),
    "rolling of a list": (
        lambda x: pd.Series(list(x)).rolling(2).sum().iloc[1:].to_numpy() @ W,
        lambda x: np.convolve(x, np.ones(2), "valid") @ W,
    ),
    "diff": (
        lambda x: pd.Series(x).diff().iloc[1:].to_numpy() @ W, lambda x: np.diff(x) @ W,
    ),
    "expanding": (
        lambda x: pd.Series(x).expanding().sum().iloc[1:].to_numpy() @ W,
        lambda x: np.cumsum(x)[1:] @ W,
    ),
    "ewm": (lambda x: pd.Series(x).ewm(alpha=0.5, adjust=False).mean().iloc[1], None),
    "mean of a list": (lambda x: pd.Series(list(x)).mean(), np.mean),
    "slice": (lambda x: _stored(x, lambda s, x: s.__setitem__(slice(None), x)), None),
    "index": (lambda x: _stored(x, lambda s, x: s.__setitem__(1, x[0])), None),
    "iloc": (lambda x: _stored(x, lambda s, x: s.iloc.__setitem__(1, x[0])), None),
    "loc": (lambda x: _stored(x, lambda s, x: s.loc.__setitem__(1, x[0])), None),
    "at": (lambda x: _stored(x, lambda s, x: s.at.__setitem__(1, x[0])), None),
    "corr": (lambda x: pd.Series(x).corr(pd.Series([1.0, 2, 3, 5])), None),
    "largest of groups": (
        lambda x: pd.Series(x).groupby([0, 0, 1, 1]).max().sum(),
        lambda x: sum(x[np.array([0, 0, 1, 1]) == k].max() for k in (0, 1)),
    ),
    "interpolate": (lambda x: pd.Series(x).interpolate().sum(), None),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_our_words(name):
    refused, cured = REFUSED[name]
    with pytest.raises(ChainRuleError) as caught:
        cr.grad(refused)(X)
    assert caught.value.cure
    assert __file__ in caught.value.where
    if cured is not None:
        plain = np.array([(refused(X + h) - refused(X - h)) / 2e-6 for h in 1e-6 * np.eye(4)])
        np.testing.assert_allclose(cr.grad(cured)(X), plain, atol=1e-8)


def test_stores_by_label_go_into_a_copy():
    def f(x):
        s = pd.Series([1.0, 2.0, 3.0, 4.0])
        own = np.copy(s)
        own[1] = x[0] * x[1]
        return own.sum()

    def g(x):
        s = pd.Series([1.0, 2.0, 3.0, 4.0])
        s.iloc[1] = x[0] * x[1]
        return s.sum()

    assert cr.grad(f)(X).tolist() == [2.5, 1.2, 0, 0]
    with pytest.raises(ChainRuleError) as caught:
        cr.grad(g)(X)
    assert "own = np.copy(s)" in caught.value.cure


@pytest.mark.parametrize("name", ["sum", "mean", "std", "median", "max", "prod"])
def test_what_pandas_leaves_to_the_values_is_right(name):
    f = lambda x: getattr(pd.Series(x), name)()  # noqa: E731
    plain = np.array([(f(X + h) - f(X - h)) / 2e-6 for h in 1e-6 * np.eye(4)])
    np.testing.assert_allclose(cr.grad(f)(X), plain, atol=1e-8)


def test_errors_of_the_program_stay():
    def f(x):
        return x[0] * pd.Series([1.0, 2.0])["missing"]

    with pytest.raises(KeyError, match="missing"):
        cr.grad(f)(X)
    with pytest.raises(ValueError, match="window"):
        cr.grad(lambda x: x[0] * pd.Series([1.0, 2.0]).rolling(-1).mean().sum())(X)

"""Series and frames of traced values: right, or refused in our words with a cure that works."""

import numpy as np
import pytest
from scipy.stats import rankdata

import chainrule as cr
from chainrule.errors import ChainRuleError

pd = pytest.importorskip("pandas")
X = np.array([1.2, 2.5, 0.7, 3.1])
W = np.array([1.0, -2.0, 0.5])


def _stored(x, store):
    s = pd.Series([1.0, 2.0, 3.0, 4.0])
    store(s, x)
    return s.sum()


def _mean(x):
    return pd.Series(x).ewm(alpha=0.5).mean().iloc[2]


REFUSED = {  # what is refused, and the same as the cure asks
    "rolling": (
        lambda x: pd.Series(x).rolling(2).median().iloc[1:].to_numpy() @ W,
        lambda x: np.median(np.stack([x[:-1], x[1:]]), axis=0) @ W,
    ),
    "ewm": (
        lambda x: pd.Series(x).ewm(alpha=0.5).var(bias=True).iloc[2],
        lambda x: _mean(x * x) - _mean(x) ** 2,
    ),
    "rank": (lambda x: pd.Series(x).rank().sum() * x[0], lambda x: 10.0 * x[0]),
    "slice": (lambda x: _stored(x, lambda s, x: s.__setitem__(slice(None), x)), None),
    "index": (lambda x: _stored(x, lambda s, x: s.__setitem__(1, x[0])), None),
    "iloc": (lambda x: _stored(x, lambda s, x: s.iloc.__setitem__(1, x[0])), None),
    "loc": (lambda x: _stored(x, lambda s, x: s.loc.__setitem__(1, x[0])), None),
    "at": (lambda x: _stored(x, lambda s, x: s.at.__setitem__(1, x[0])), None),
    "ranks in groups": (
        lambda x: pd.Series(x).groupby([0, 0, 1, 1]).rank().sum() * x[0],
        lambda x: sum(rankdata(x[np.array([0, 0, 1, 1]) == k]).sum() for k in (0, 1)) * x[0],
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


def _ranked(x):
    frame = pd.DataFrame({"u": x})
    return (frame["u"] * 2).rank().sum() * x[0]


def _beside(x):
    frame = pd.DataFrame({"u": x})
    return np.c_[frame["u"], [1.0, 2, 3, 4]].sum()


def _widened(x):
    column = pd.Series(x)
    return column.rolling(2).median().iloc[1]


@pytest.mark.parametrize(
    ("function", "named"),
    [(_ranked, "(frame['u'] * 2)"), (_beside, "frame['u']"), (_widened, "column")],
)
def test_the_cure_names_the_users_own_expression(function, named):
    with pytest.raises(ChainRuleError) as caught:
        cr.grad(function)(X)
    assert f"v = {named}.to_numpy()" in caught.value.cure


CALLS = """
np.column_stack([s, d.a]); np.stack([s, s]); np.vstack([s, d.a]); np.hstack([s, d.a])
np.concatenate([s, s]); np.array([s, s]); np.asarray(s); np.array(s); np.diff(s); np.cumsum(s)
np.median(s); np.roll(s, 1); np.reshape(s, (2, 2)); np.where(s > 1, s, 0); np.clip(s, 1, 2)
np.linalg.norm(s); np.cov(s, d.a); np.interp(2.5, d.a, s); np.polyfit(d.a, s, 1); np.sort(s)
np.select([s > 1], [s], 0); np.block([s, d.a]); np.zeros_like(s) + s; np.dot(F, [1.0, 2.0])
np.average(s, weights=d.a); np.vectorize(lambda v: v * 2)(s); np.outer(s, s); np.argsort(s)
np.std(s); np.var(s); np.exp(s); np.maximum(s, 1); np.append(s, 1.0); np.linalg.det(F.iloc[:2])
np.sum([s, s]); np.column_stack([np.ones(4), F]); np.round(s, 1); np.nanmean(s); np.max(s)
stats.norm.pdf(s); stats.norm.logpdf(d.a, loc=x[0], scale=x[1]); stats.norm(x[0], 1.0).cdf(d.a)
stats.gamma.pdf(s, 2.0, scale=d.a); special.logsumexp(s); special.expit(s)
signal.lfilter([1.0, 0.5], [1.0], s); linalg.solve(F.iloc[:2], [1.0, 2.0]); linalg.norm(s)
interpolate.CubicSpline(d.a, s)(2.5); interpolate.interp1d(d.a, s)(2.5)
optimize.curve_fit(lambda t, a, b: a + b * t, d.a, s)[0]; integrate.simpson(s, d.a)
np.vectorize(lambda v, p: v * p.sum(), excluded=[1])(x, s); integrate.trapezoid(s, d.a)
integrate.quad(lambda u, p: (p * p).loc[1] * u, 0, 1, args=(s,))[0]; np.percentile(s, [30, 60])
"""
LIST = [part.strip() for line in CALLS.split("\n") for part in line.split(";") if part.strip()]
SOURCE = (
    "import numpy as np\nimport pandas as pd\n"
    "from scipy import integrate, interpolate, linalg, optimize, signal, special, stats\n"
    "d = pd.DataFrame({'a': [1.0, 2, 3, 4]})\n"
) + "".join(
    f"def f{k}(x):\n    s, F = pd.Series(x), pd.DataFrame({{'u': x, 'w': x**2}})\n"
    f"    return {text}\n"
    for k, text in enumerate(LIST)
)


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """Write the calls as a module: doors are for the program's own names."""
    import importlib.util
    import sys

    path = tmp_path_factory.mktemp("calls") / "calls_on_columns.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("calls_on_columns", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["calls_on_columns"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["calls_on_columns"]


@pytest.mark.parametrize("k", range(len(LIST)), ids=LIST)
def test_functions_of_numpy_and_scipy_take_a_column(calls, k):
    """They give what they give of plain columns: columns where pandas answers, else arrays."""
    call, seen = getattr(calls, f"f{k}"), []

    def f(x):
        seen[:] = [call(x)]
        values = np.asarray(seen[0]) if not hasattr(seen[0], "to_numpy") else seen[0].to_numpy()
        return np.sum(np.sin(values)) + x[0]

    plain = np.array([(f(X + h) - f(X - h)) / 2e-6 for h in 1e-6 * np.eye(4)])
    kind = hasattr(seen[0], "index")
    np.testing.assert_allclose(cr.grad(f)(X), plain, atol=1e-7)
    assert hasattr(seen[0], "index") == kind

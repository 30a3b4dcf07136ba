"""Columns and frames of traced values compute as pandas does, or refuse in our words.

Labels in another order, missing ones, and copies on writing are pandas' own: differences decide.
"""

import warnings
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

import chainrule as cr
from chainrule.errors import ChainRuleError

pd = pytest.importorskip("pandas")
X = np.array([0.5, 1.5, 2.2, 0.9])
ROWS = list("abcd")
SPACE = {
    "np": np, "pd": pd, "rows": ROWS,
    "R": pd.Series([1.0, 2.0, 3.0, 4.0], index=list("dcba")),
    "N": pd.Series([1.0, np.nan, 3.0, 4.0], index=ROWS),
    "B": pd.Series([True, False, True, True], index=ROWS),
    "I": pd.Series([1, 2, 3, 4], index=ROWS),
}  # fmt: skip
# s is a traced column, x the array, d a plain frame with columns a, b (numbers) and g (keys)
RIGHT = """
s * 2; 2**s; s + x; x - s; s + x[0]; x[0] / s; d.a * x; x * d.a; d.a + x[0]; x[0] * d.a; I * x
s * d.a; d.a / s; s**d.a; d.a**s; -s; abs(s); s // 1; s % 0.7; s @ d.a; s.dot(d.a); d.a @ s; s * R
R - s; s * R.iloc[1:]; s + N; N * x; s.iloc[::-1] * d.a; s.iloc[[2, 0]] * R; s[B] * R
s.mul(d.a).add(1).div(d.b); s.add(d.a, fill_value=0); (s > 1) * s; s[s > 1]; s.where(s > 1, 0)
s.mask(s > 1, 0.0); s.clip(0.6, 2); s.sort_index(ascending=False) * x; s.reindex(list("dcab")) * x
s.drop("a") * 2; s.shift(1).fillna(0) * x; s.fillna(0) * 2; s.rename("q") * s; s.astype(float) * 2
s.loc["b":] * R; s["a"] * s["b"]; s.head(2) + 1; (s - s.mean()) / s.std()
np.sqrt(((d.b - s)**2).mean()); (s * d.a).max(); (s * d.a).median(); s.cumsum() * d.a
np.exp(s) * R; np.hypot(d.a, x); s.var(); np.interp(x, d.a, d.b); np.polyval(d.a, x)
np.average(d.a, weights=x); np.clip(x, 0, R) * d.a; np.dot(x, d.a); np.outer(x, d.a)
np.stack([d.a, x]); np.where(d.a > 2, x, 0); np.concatenate([x, R])
((d.b - (x[0] * d.a + x[1])) ** 2).sum(); ((d.b - x[0] * np.exp(-x[1] * d.a)) ** 2).mean()
d.assign(c=s)["c"] * R; d.assign(c=x).eval("c * a"); d.assign(c=s).loc["a", "c"]
d[["a", "b"]] * x[0]; d.assign(c=lambda q: q.a * x).c; pd.concat([s, d.a])
d.join(s.rename("n")).n; pd.concat([s, d.a], axis=1).iloc[:, 0] * R
pd.DataFrame({"u": x, "w": x**2}).w; s.to_frame("q")["q"] * 2
pd.DataFrame({"u": x, "w": x**2}) * 2; pd.DataFrame({"u": x, "w": x**2}).sum()
s.pct_change().iloc[1:]; pd.DataFrame({"u": x, "w": x**2}).values; s.groupby(list("yxyx")).sum()
s.groupby(list("yxyx")).mean(); (s + N).groupby(list("yxyx")).sum()
(s + N).groupby(list("yyxx")).mean(); s.groupby(list("xxyy")).sum() ** 2; s.groupby(d.g).sum()
d.assign(c=s).groupby("g").c.sum(); d.assign(c=s).groupby("g", sort=False).c.mean()
d.assign(c=s) .groupby("g").c.transform("mean") * x; s / s.groupby(d.g).transform("sum")
s.groupby(pd.Categorical(d.g, list("pqr")), observed=False).sum()
s.groupby([0, 0, 1, None]).sum()
s.groupby(pd.Categorical(d.g, list("pqr")), observed=False).mean().fillna(0)
s.groupby(d.g).sum(min_count=2).fillna(0); s.groupby(d.g).apply(lambda q: (q * q).sum())
s.groupby(d.g).diff().fillna(0); sum(q["a"] * x[0] for _, q in d.iterrows())
sum(q.a * v for q, v in zip(d.itertuples(), x))
s.shift(1).dropna() * 2; (s + N).dropna(); s.diff().dropna(); s.diff(-2).fillna(0); s.cov(d.a)
d.a.cov(s); s.corr(d.a); s.autocorr(); s.quantile(0.3); s.quantile([0.2, 0.7]); s.describe()
s.rolling(2).mean().dropna(); s.rolling(2).sum().iloc[1:]; s.rolling(3, min_periods=1).std()[1:]
(s + N).rolling(3, min_periods=1).var().fillna(0); (s + N).rolling(2, min_periods=1).sum()
s.rolling(3, center=True).max().dropna(); s.rolling(2).min().dropna(); s.expanding().mean()
s.expanding(2).var(ddof=0).dropna(); s.rolling(2).apply(lambda q: (q * q).sum()).dropna()
s.rolling(2).apply(lambda q: q[0] * q[1], raw=True).dropna(); s.ewm(alpha=0.5).mean() * R
s.ewm(span=3, adjust=False).mean(); (s + N).ewm(com=1).mean(); s.rolling(2, closed="left").sum()
(s + N).ewm(com=1, adjust=False, ignore_na=True).mean(); (s + N).ewm(com=1, adjust=False).mean()
s.ewm(halflife=2, min_periods=3).mean().dropna(); d.assign(c=s)[["a", "c"]].rolling(2).sum()[1:]
s.groupby(d.g).rolling(2).mean().dropna(); s.map(lambda v: v * 2); s.apply(lambda v: v**2 + 1)
pd.DataFrame({"u": x, "w": x**2}).corr(); pd.Series(list(x)).mean(); pd.Series([x[0], 2.0]) * 3
pd.DataFrame({"u": x, "w": x**2}).diff()[1:]; s.argsort() * s; s.to_numpy(na_value=0.0)
pd.DataFrame({"u": x, "w": x**2}).rolling(2).mean()[1:]; s.rolling(9, min_periods=2).mean()[1:]
"""
STATEMENTS = """
s.iloc[0] = 5.0; r = s * x
s.iloc[0] = x[1]; r = s * x
s["b"] = x[0] * x[1]; r = s * x
s += 1; r = s * x
t = s; t += x; r = s * 2 + t
t = s.copy(); t.iloc[1] = 7.0; r = s * t
s[s > 1] = 0.0; r = s * x
d["c"] = x; d["e"] = d.c * d.a; r = d.e + d.b
d["c"] = s; d.loc["a", "c"] = 3.0; r = d.c * s
d["a"] *= x; r = d.a
y = x * 1; t = pd.Series(y); y[0] = 9.0; r = t
y = x * 1; d["c"] = y; y[0] = 9.0; r = d.c
s.iloc[1:3] = s.iloc[1:3] * 2; r = s
t = pd.DataFrame({"u": x, "w": x**2}); t.loc[0, "u"] = x[1]; r = t
d = d.sort_values("b"); r = d.a * s
t = pd.DataFrame(index=rows); t["u"] = x; r = t.u * 2
"""
MAY_REFUSE = """
d[["a", "b"]].mul(s, axis=0); s.rank(); s.rolling(2).median()[1:]; s.ewm(com=1).var()[1:]
s.groupby(d.g).max(); s.sort_values() * R; np.diff(s); np.asarray(s); s.nlargest(2); s.skew()
s.rolling(2).cov(d.a)[1:]; s.rolling(2).skew().fillna(0); s.ffill(); s.combine(d.a, max)
pd.DataFrame(np.outer(x, x)).sum(); d[["a", "b"]] + x[:2]; d[["a", "b"]].T @ x; d.a @ x
s.to_dict()["a"]; I.astype("Int64") * x; s.groupby(d.g).std()
s.groupby(d.g).agg(lambda q: q.sum()); s.interpolate()
"""


def listed(text: str) -> list[str]:
    return [part.strip() for line in text.split("\n") for part in line.split(";") if part.strip()]


def program(text: str) -> Any:
    """Return the function of a program: all entries of its result count, each in its own way."""
    statement = "r =" in text
    code = compile(text if statement else f"r = {text}", "<columns>", "exec")

    def f(x: Any) -> Any:
        plain = {"a": [1.0, 2, 3, 4], "b": [4.0, 5, 6, 0.5], "g": list("pqqp")}
        d = pd.DataFrame(plain, index=ROWS)
        space = {**SPACE, "x": x, "s": pd.Series(x, index=ROWS), "d": d}
        exec(code, space)
        r = space["r"]
        columns = [r[c] for c in r.columns] if isinstance(r, pd.DataFrame) else [r]
        total = 0.0
        for k, c in enumerate(columns):
            if isinstance(c, pd.Series):
                total = total + (k + 1) * (c * np.arange(1.0, len(c) + 1)).sum()
            else:
                total = total + np.sum(c)
        return total * x[0]

    return f


def differences(f: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array([(f(X + h) - f(X - h)) / 2e-6 for h in 1e-6 * np.eye(4)], float)


STATED = [line for line in STATEMENTS.split("\n") if line]


@pytest.mark.parametrize("text", listed(RIGHT) + STATED)
def test_right(text: str) -> None:
    f = program(text)
    assert np.allclose(cr.grad(f)(X), differences(f), atol=1e-6)


@pytest.mark.parametrize("text", (listed(RIGHT) + STATED)[::3])
def test_second_derivatives_and_batches(text: str) -> None:
    f = program(text)
    want = [(cr.grad(f)(X + h) - cr.grad(f)(X - h)) / 2e-5 for h in 1e-5 * np.eye(4)]
    assert np.allclose(cr.hessian(f)(X), want, atol=1e-5)
    try:
        rows = cr.vmap(cr.grad(f))(np.array([X, X * 1.01]))
    except ChainRuleError:
        return
    assert np.allclose(rows, [cr.grad(f)(X), cr.grad(f)(X * 1.01)])


@pytest.mark.parametrize("text", listed(MAY_REFUSE))
def test_refused_or_right(text: str) -> None:
    f = program(text)
    want = differences(f)
    try:
        got = cr.grad(f)(X)
    except ChainRuleError as error:
        got = want if error.cure else np.nan
    assert np.allclose(got, want, atol=1e-6)


def test_the_cure_for_groups() -> None:
    def refused(x: Any) -> Any:
        return pd.Series(x).groupby(["p", "q", "q", "p"]).rank().sum() * x[0]

    def cured(x: Any) -> Any:
        keys = pd.Series(["p", "q", "q", "p"])
        return sum(rankdata(x[keys.to_numpy() == k]).sum() for k in ("p", "q")) * x[0]

    with pytest.raises(ChainRuleError) as caught:
        cr.grad(refused)(X)
    assert "x[keys.to_numpy() == k]" in caught.value.cure
    assert np.allclose(cr.grad(cured)(X), differences(refused), atol=1e-6)

"""Series and frames as differentiated arguments: containers of columns, with labels that stay."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputTypeError

pd = pytest.importorskip("pandas")
S = pd.Series([1.0, 2.0, 3.5, 3.0], pd.date_range("2024-01-01", periods=4), name="close")
D = pd.DataFrame(
    {"a": [1.0, 2, 3, 4], "b": [4.0, 5, 6, 0.5], "g": list("pqqp"), "n": [1, 2, 3, 4],
     "m": [True, False, True, True]}, index=list("wxyz"),
)  # fmt: skip


def volatility(s):
    r = np.log(s / s.shift(1)).dropna()
    return float((r.rolling(2).std().dropna() ** 2).sum())


def blend(d):
    sums = (d.a * d["b"])[d.m].groupby(d.g).sum()
    return (sums**2).sum() + (d["n"] * d.a).sum()


def differences(f, obj, columns):
    found = obj.copy()
    for c in columns:
        slopes = []
        for row in range(len(obj)):
            ends = []
            for h in (1e-5, -1e-5):
                moved = obj.astype({c: float}) if c is not None else obj.copy()
                place = row if c is None else (row, moved.columns.get_loc(c))
                moved.iloc[place] += h
                ends.append(f(moved))
            slopes.append((ends[0] - ends[1]) / 2e-5)
        if c is None:
            found = pd.Series(slopes, obj.index, name=obj.name)
        else:
            found[c] = slopes
    return found


def test_a_series():
    got = cr.grad(volatility)(S)
    pd.testing.assert_series_equal(got, differences(volatility, S, [None]), rtol=1e-6)


def test_a_frame_keeps_what_is_no_number():
    want = differences(blend, D, ["a", "b", "n"])
    want["m"] = False
    pd.testing.assert_frame_equal(cr.grad(blend)(D), want, rtol=1e-6)


def test_the_function_meets_the_labels():
    seen = []
    cr.grad(lambda d: seen.append((list(d.columns), list(d.index), list(d.g))) or d.a.sum())(D)
    assert seen == [(list(D.columns), list("wxyz"), list("pqqp"))]
    assert cr.grad(lambda s: s["2024-01-02"] ** 2)(S).tolist() == [0, 4, 0, 0]


def test_in_containers_and_the_other_modes():
    f = lambda p: volatility(p["s"]) * p["k"]  # noqa: E731
    got = cr.grad(f)({"s": S, "k": 2.0})
    pd.testing.assert_series_equal(got["s"], 2 * cr.grad(volatility)(S))
    one = S * 0 + 1
    assert cr.jvp(volatility, (S,), (one,))[1] == pytest.approx(cr.grad(volatility)(S).sum())
    (pulled,) = cr.vjp(lambda s: s * s, S)[1](one)
    pd.testing.assert_series_equal(pulled, 2 * S)
    rows = cr.jacobian(lambda d: d.a * d.b)(D)
    assert np.array_equal(rows["a"], np.diag(D.b))
    assert np.allclose(cr.hessian(lambda s: (s**3).sum())(S), np.diag(6 * S))
    assert cr.hvp(volatility, S, one).index.equals(S.index)
    assert cr.check(lambda d: (d.a * d.b).sum(), D)
    with cr.checked():
        cr.grad(blend)(D)


def test_other_labels_are_another_structure():
    with pytest.raises(cr.ChainRuleError):
        cr.jvp(volatility, (S,), (pd.Series(np.ones(4)),))


def test_the_callers_own_stays():
    before = S.copy()

    def f(s):
        s.iloc[0] = s.iloc[1] * s.iloc[2]
        return (s * s).sum()

    assert cr.grad(f)(S).tolist() == [0, 53, 35, 6]
    pd.testing.assert_series_equal(S, before)


@pytest.mark.parametrize(
    "column", [pd.Series([1.0, 2.0], dtype="Float64"), pd.Series([1.0, "a"], dtype=object)]
)
def test_what_is_not_understood_is_refused_by_its_name(column):
    with pytest.raises(InputTypeError, match="column"):
        cr.grad(lambda column: column.sum())(column)
    with pytest.raises(InputTypeError, match=r"d\['c'\]"):
        cr.grad(lambda d: d.a.sum())(pd.DataFrame({"a": [1.0, 2], "c": column}))


def test_named_in_a_derivation():
    text = cr.explain(lambda s: (s * s).sum(), S).text()
    assert "with respect to s;" in text

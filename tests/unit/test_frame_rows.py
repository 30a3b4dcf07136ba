"""Rows of frames whose columns are not all numbers: what is traced in them stays so."""

import numpy as np
import pytest

import chainrule as cr

pd = pytest.importorskip("pandas")

COLUMNS = {
    "texts": list("xyz"), "dates": pd.date_range("2020", periods=3),
    "categories": pd.Categorical(["a", "b", "a"]), "objects": [1.5, "q", None],
    "times": pd.to_timedelta([1, 2, 3], "h"), "truths": [True, False, True], "whole": [1, 2, 3],
}  # fmt: skip
ASKED = {  # of a frame with the traced column "V"
    "apply": lambda d: d.apply(lambda row: row["V"] ** 2, axis=1).sum(),
    "iterrows": lambda d: sum(row["V"] ** 2 for _, row in d.iterrows()),
    "itertuples": lambda d: sum(row.V**2 for row in d.itertuples()),
    "iloc": lambda d: d.iloc[1]["V"] ** 2, "loc": lambda d: d.loc[2].V ** 2,
    "xs": lambda d: d.xs(1)["V"] ** 2, "at": lambda d: d.at[1, "V"] ** 2,
    "column": lambda d: (d[["V"]].to_numpy() ** 2).sum(),
}  # fmt: skip


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("beside", COLUMNS)
@pytest.mark.parametrize("first", [False, True])
def test_rows(asked, beside, first):
    def f(p):
        columns = {"V": p * np.arange(1.0, 4.0), "other": COLUMNS[beside]}
        names = ["other", "V"] if first else ["V", "other"]
        return ASKED[asked](pd.DataFrame(columns)[names])

    value, slope = cr.value_and_grad(f)(2.0)
    assert value == f(2.0)
    np.testing.assert_allclose(slope, (f(2.5) - f(1.5)), rtol=1e-12)  # it is a square of p


def test_what_stands_beside_is_as_it_was():
    def f(p):
        d = pd.DataFrame({"V": p * np.arange(1.0, 4.0), "t": COLUMNS["dates"], "s": list("xyz")})
        return sum(row.V * row.t.day * (1 + (row.s == "y")) for _, row in d.iterrows())

    assert f(2.0) == 2 * (1 + 2 * 2 * 2 + 3 * 3)
    assert cr.grad(f)(2.0) == 1 + 2 * 2 * 2 + 3 * 3
    np.testing.assert_allclose(cr.vmap(cr.grad(f))(np.array([1.0, 2.0])), [18.0, 18.0])

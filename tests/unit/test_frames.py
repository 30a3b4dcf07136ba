"""Frames of pandas with traced arrays: values, labels and derivatives are those of plain runs."""

import operator
import warnings
from typing import Any

import numpy as np
import pytest

import chainrule as cr

pd = pytest.importorskip("pandas")
X = np.array([0.2, 0.5, 0.3])
R = np.random.default_rng(0).normal(size=(4, 3)).round(3) + 2.0

FRAMES = {
    "floats": pd.DataFrame(R, columns=list("abc")),
    "holes": pd.DataFrame(np.where(R > 2.5, np.nan, R), columns=list("abc")),
    "numbers": pd.DataFrame({"a": [1, 2, 3, 4], "b": R[:, 1], "c": [4, 3, 2, 5]}),
}
OPERANDS = {
    "array": lambda x: x,
    "row": lambda x: x[None, :],
    "column": lambda x: np.append(x, x[0])[:, None],
    "table": lambda x: np.outer([1.0, 2.0, 3.0, 4.0], x),
    "series": lambda x: pd.Series(x, index=list("bca")),
    "series of other labels": lambda x: pd.Series(x, index=list("zba")),
    "frame": lambda x: pd.DataFrame(np.outer([1.0, 2, 3, 4], x), columns=list("cab")),
    "frame of fewer": lambda x: pd.DataFrame(np.outer([1.0, 2], x[:2]), columns=list("ab")),
}
OPERATORS = {
    name: getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "pow", "gt", "le")
}


def agrees(f: Any) -> None:
    """Compare values, labels and derivatives with those of plain runs."""
    seen: list[Any] = []

    def total(x: Any) -> Any:
        found = f(x)
        seen[:] = [found]
        values = found.to_numpy() if hasattr(found, "to_numpy") else found
        values = np.where(np.isnan(values), 0.0, values)
        return np.sum(np.sin(values)) + 0.0 * x[0]

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        plain, wanted = f(X), []
        for h in 1e-4 * np.eye(3):
            a, b = ((total(X + s * h) - total(X - s * h)) / (2e-4 * s) for s in (1, 0.5))
            wanted.append((4 * b - a) / 3)
        value, found = cr.value_and_grad(total)(X)
        assert value == pytest.approx(total(X), rel=1e-12)
        cr.grad(total)(X)
    assert type(seen[0]) is type(plain) or not hasattr(plain, "index")
    for axis in ("index", "columns"):
        if hasattr(plain, axis):
            assert list(getattr(seen[0], axis)) == list(getattr(plain, axis))
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("operand", OPERANDS)
@pytest.mark.parametrize("frame", FRAMES)
def test_arithmetic(frame: str, operand: str, name: str) -> None:
    table, made, op = FRAMES[frame], OPERANDS[operand], OPERATORS[name]
    for f in (lambda x: op(table, made(x)), lambda x: op(made(x), table)):
        try:
            f(X)
        except ValueError:  # pandas compares what is labelled alike only
            with pytest.raises(ValueError, match=r"label|align"):
                cr.grad(lambda x, f=f: f(x).to_numpy().sum() * x[0])(X)
            continue
        agrees(f)


@pytest.mark.parametrize("name", ["add", "rsub", "mul", "truediv"])
@pytest.mark.parametrize("frame", FRAMES)
def test_arithmetic_along_an_axis(frame: str, name: str) -> None:
    table = FRAMES[frame]
    agrees(lambda x: getattr(table, name)(x, axis=1))
    agrees(lambda x: getattr(table.T, name)(x, axis=0))
    agrees(lambda x: getattr(table.T, name)(pd.Series(x, index=list("cab")), axis="index"))
    agrees(lambda x: getattr(table, name)(np.append(x, x[1]), axis="index"))


PRODUCTS = {
    "frame @ array": lambda t, x: t @ x,
    "frame.dot": lambda t, x: t.dot(x),
    "frame @ table": lambda t, x: t @ np.outer(x, x),
    "table @ frame": lambda t, x: np.outer(x, x) @ t.T,
    "array @ frame": lambda t, x: x @ t.T,
    "portfolio": lambda t, x: np.sqrt(x @ t.cov() @ x),
    "frame @ frame": lambda t, x: t @ pd.DataFrame(np.outer(x, x), index=list("cba")),
    "series @ array": lambda t, x: t.loc[0] @ x,
    "array @ series": lambda t, x: x @ t.loc[1],
    "series @ table": lambda t, x: t.loc[0].dot(np.outer(x, x)),
    "series @ frame": lambda t, x: pd.Series(x, index=list("bca")) @ t.T,
}


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("frame", ["floats", "numbers"])
def test_products(frame: str, name: str) -> None:
    agrees(lambda x: PRODUCTS[name](FRAMES[frame], x))


def test_products_of_other_shapes_are_errors_of_the_program() -> None:
    table = FRAMES["floats"]
    for f in (lambda x: table @ x[:2], lambda x: x[:2] @ table.T, lambda x: table * x[:2]):
        with pytest.raises(ValueError, match=r"shape|aligned|length"):
            cr.grad(lambda x, f=f: f(x).sum())(X)


AFTER = {
    "mean": lambda t: t.mean(), "sum": lambda t: t.sum(), "std": lambda t: t.std(),
    "var": lambda t: t.var(), "prod": lambda t: t.prod(), "max": lambda t: t.max(),
    "min": lambda t: t.min(), "median": lambda t: t.median(), "cumsum": lambda t: t.cumsum(),
    "across": lambda t: t.sum(axis=1), "mean across": lambda t: t.mean(axis=1),
    "std across": lambda t: t.std(axis=1), "row": lambda t: t.loc[1], "last": lambda t: t.iloc[-1],
    "centred": lambda t: t - t.mean(), "scores": lambda t: (t - t.mean()) / t.std(),
    "cov": lambda t: t.cov(), "growth": lambda t: (1 + t).cumprod().iloc[-1] - 1,
    "rows": lambda t: sum(r["a"] * r["b"] for _, r in t.iterrows()),
    "mask": lambda t: t[t["a"] > 0.3], "where": lambda t: t.where(t > 0.5, 0.0),
    "filled": lambda t: t.fillna(0.0), "both": lambda t: pd.concat([t, t]),
    "new column": lambda t: t.assign(z=lambda d: d.a * d.b), "transposed": lambda t: t.T,
    "some": lambda t: t.loc[1:2, ["c", "a"]], "exp": np.exp, "stacked": lambda t: t.stack(),
}  # fmt: skip


@pytest.mark.parametrize("name", AFTER)
@pytest.mark.parametrize("frame", FRAMES)
def test_what_comes_after(frame: str, name: str) -> None:
    if name == "cov" and frame == "holes":
        pytest.skip("pandas takes the pairs without NaN in compiled code")
    agrees(lambda x: AFTER[name](FRAMES[frame] * x))


def test_an_error_names_a_library_s_file_from_the_package_on() -> None:
    """How long the path of the environment is says nothing to who reads it."""
    with pytest.raises(cr.errors.UnsupportedFunctionError, match=r"\(through pandas/core/groupby/"):
        cr.grad(lambda x: pd.Series(x).groupby([0, 0, 1]).rank().iloc[0] * x[0])(np.arange(3.0))

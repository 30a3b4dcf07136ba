"""What a traced value was printed as is not read in again by anything."""

import ast
import configparser
import decimal
import fractions
import io
import json
import tomllib

import mpmath
import numpy as np
import pytest
import sympy

import chainrule as cr
from chainrule.errors import LostDerivativeError

try:
    import pandas
except ImportError:
    pandas = None
X = np.array([1.2345, 2.5])
READ = {
    "float": lambda x: float(str(x[0])),
    "Decimal": lambda x: float(decimal.Decimal(str(x[0]))),
    "literal_eval": lambda x: ast.literal_eval(str(x[0])),
    "json": lambda x: json.loads(str(x[0])),
    "array": lambda x: np.array([str(v) for v in x], dtype=float).sum(),
    "fromstring": lambda x: np.fromstring(" ".join(map(str, x)), sep=" ").sum(),
    "loadtxt": lambda x: np.loadtxt(io.StringIO("\n".join(f"{v}" for v in x))).sum(),
    "genfromtxt": lambda x: np.genfromtxt([f"{v},1" for v in x], delimiter=",").sum(),
    "eval": lambda x: eval(f"{x[0]} * 2"),
    "eval of %": lambda x: eval("%.5f * 2" % x[0]),  # noqa: UP031
    "eval of an array": lambda x: np.sum(eval(repr(x), {"array": np.array})),
    "exec": lambda x: _executed(f"y = {x[0]} * 2"),
    "compile": lambda x: _executed(compile(f"y = {x[0]} * 2", "text", "exec")),
    "Fraction": lambda x: float(fractions.Fraction(str(x[0]))),
    "Fraction of %": lambda x: float(fractions.Fraction("%.5f" % x[0])),  # noqa: UP031
    "getfloat": lambda x: _configured(x[0]).getfloat("s", "v"),
    "section": lambda x: _configured(x[0])["s"].getfloat("v"),
    "array2string": lambda x: float(np.array2string(x[0])),
    "array_str": lambda x: np.fromstring(np.array_str(x)[1:-1], sep=" ").sum(),
    "short elements": lambda x: float(str(x)[1:-1].split()[1]),
    "array_repr": lambda x: np.sum(eval(np.array_repr(x), {"array": np.array})),
    "positional": lambda x: float(np.format_float_positional(x[0])),
    "scientific": lambda x: float(np.format_float_scientific(x[0])),
    "array of text": lambda x: np.array([str(v) for v in x]).astype(float).sum(),
    "asarray": lambda x: np.asarray([str(v) for v in x], dtype=float).sum(),
    "bytes": lambda x: float(str(x[0]).encode()),
    "BytesIO": lambda x: np.loadtxt(io.BytesIO(f"{x[0]} 1".encode())).sum(),
    "matrix": lambda x: np.asmatrix(f"{x[0]} 1").sum(),
    "tomllib": lambda x: tomllib.loads(f"v = {x[0]}")["v"],
    "JSONDecoder": lambda x: json.JSONDecoder().decode(f"[{x[0]}]")[0],
    "json.load": lambda x: json.load(io.StringIO(f"[{x[0]}]"))[0],
    "read_csv": lambda x: pandas.read_csv(_table(x[0])).a.sum(),
    "read_table": lambda x: pandas.read_table(_table(x[0])).iloc[0, 0],
    "to_numeric": lambda x: pandas.to_numeric([str(x[0])]).sum(),
    "Series": lambda x: pandas.Series([str(x[0])], dtype=float).sum(),
    "mpf": lambda x: float(mpmath.mpf(str(x[0]))),
    "sympify": lambda x: float(sympy.sympify(f"{x[0]} * 2")),
}


def _executed(source):
    space = {}
    exec(source, space)
    return space["y"]


def _configured(value):
    read = configparser.ConfigParser()
    read.read_string(f"[s]\nv = {value}\nn = 3\n")
    return read


def _table(value):
    return io.StringIO(f"a\n{value}\n")


@pytest.mark.parametrize("name", READ)
def test_text_carries_no_derivative(name):
    if pandas is None and "pandas" in READ[name].__code__.co_names:
        pytest.skip("pandas is not there")
    for taken in (cr.grad, cr.jacobian, cr.derivative):
        f = READ[name] if taken is not cr.derivative else lambda t: READ[name](t * X)
        with pytest.raises(LostDerivativeError, match="was about to be read in"):
            taken(f)(1.0 if taken is cr.derivative else X)


def test_a_file_is_text_too(tmp_path):
    def f(x):
        (tmp_path / "x.txt").write_text(f"{x}\n")
        return np.loadtxt(tmp_path / "x.txt") * 1.0

    with pytest.raises(LostDerivativeError, match="was about to be read in"):
        cr.grad(f)(1.2345)


def test_what_is_run_sees_the_names_around_it(capsys):
    def f(x):
        print(x, np.array2string(x))
        y, scale = eval("x[1] * 2"), _configured("2.75").getint("s", "n")
        space = {}
        exec("z = 1 + 2", space)
        stream = io.StringIO("head\n5")
        stream.readline()
        return x[0] * (space["z"] + scale + np.loadtxt(stream) + fractions.Fraction("3/4")) + y

    assert cr.grad(f)(X).tolist() == [11.75, 2.0]


def test_other_texts_are_read_as_ever(capsys):
    def f(x):
        print(x[0])
        half = decimal.Decimal("0.5")
        assert isinstance(half, decimal.Decimal)
        table = np.loadtxt(io.StringIO("7 8"))
        return x[0] * float(half + decimal.Decimal(2)) * json.loads("[4]")[0] + table.sum()

    assert cr.grad(f)(X).tolist() == [10.0, 0.0]
    assert capsys.readouterr().out == "1.2345\n"

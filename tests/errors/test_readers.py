"""What a traced value was printed as is not read in again by anything."""

import ast
import configparser
import decimal
import fractions
import io
import json
import pickle
import re
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


DIGITS = {  # as they are, and put together to a number; v is x[0]
    "split": "i, d = repr(float(v)).split('.')",
    "numpy's": "i, d = str(v).split('.')",
    "rsplit": "i, d = str(v).rsplit('.', 1)",
    "partition": "i, _, d = str(v).partition('.')",
    "rpartition": "i, _, d = str(v).rpartition('.')",
    "slices": "s = str(v); i, d = s[:1], s[2:]",
    "an index": "s = str(v); i, d = s[0], s[2]",
    "a step": "s = str(v); i, d = s[0], s[2::2]",
    "removed": "i, d = 0, str(v).removeprefix('1.')",
    "stripped": "i, d = 0, str(v).strip().lstrip('1.')",
    "replaced": "i, d = 0, str(v).replace('.', '')",
    "translated": "i, d = 0, str(v).translate({46: None})",
    "put together": "s = str(v); i, d = 0, s[0] + s[2:]",
    "repeated": "i, d = 0, 2 * str(v)[2:]",
    "filled": "i, d = 0, str(v)[2:].zfill(9)",
    "prefixed": "i, d = 0, '0' + str(v)[2:]",
    "list": "i, *d = [c for c in str(v) if c != '.']; d = d[0]",
    "map": "i, d = 0, [*map(int, str(v)[2:])][0]",
    "format": "i, d = f'{v:.3f}'.split('.')",
    "format function": "i, d = format(v, '.3f').split('.')",
    "format method": "i, d = '{:.3f}'.format(v).split('.')",
    "in words": "i, d = f'v = {v:.3f}'[4:].split('.')",
    "%": "i, d = ('%.3f' % v).split('.')",
    "% of several": "i, d = ('%.3f %d' % (v, 3)).split()[0].split('.')",
    "%s": "i, d = ('%s' % v).split('.')",
    "join": "i, d = ','.join(map(str, x)).split(',')[0].split('.')",
    "array": "i, d = str(x).strip('[]').split()[0].split('.')",
    "findall": "i, d = re.findall(r'\\d+', str(v))",
    "group": "m = re.match(r'(\\d+)\\.(\\d+)', str(v)); i, d = m[1], m.group(2)",
    "sub": "i, d = 0, re.sub(r'\\.', '', str(v))",
    "bytes": "i, d = str(v).encode().split(b'.')",
    "positional": "i, d = np.format_float_positional(v).split('.')",
    "int64": "i, d = str(v).split('.'); d = np.int64(d)",
    "array of digits": "i, d = str(v).split('.'); d = np.array([d]).astype(int)[0]",
    "pandas'": "i, d = 0, np.loadtxt(io.StringIO(str(v).partition('.')[2]))",
    "a part as a float": "i, d = 0, float(str(v)[:3])",
    "behind a new point": "i, d = 0, float('0.' + str(v)[2:])",
}
ROUNDED = {  # what changes by steps is a constant between them
    "before the point": "n = int(str(v).split('.')[0])",
    "no point": "n = int(f'{v:.0f}')",
    "first": "n = int(str(v)[0])",
    "exponent": "n = int(f'{v:.3e}'.split('e')[1]) + 1",
    "length": "n = len(str(v)) // 6",
    "another number": "print(v); n = int('17') // 17",
    "other digits": "print(v); n = int('2,345'.split(',')[0]) // 2",
}


def _program(line, result):
    space = {"np": np, "re": re, "io": io}
    exec(f"def f(x):\n    v = x[0]\n    {line}\n    return {result}", space)
    return space["f"]


@pytest.mark.parametrize("name", DIGITS)
def test_digits_carry_no_derivative(name):
    f = _program(DIGITS[name], "int(i) + int(d) / 10**4")
    f(X)
    for taken in (cr.grad, cr.jacobian, lambda f: cr.grad(lambda x: cr.grad(f)(x)[0])):
        with pytest.raises(LostDerivativeError, match=r"(was|were) about to be read in"):
            taken(f)(X)


@pytest.mark.parametrize("name", ROUNDED)
def test_digits_before_the_point_are_rounding(name, capsys):
    assert cr.grad(_program(ROUNDED[name], "x[1] * n"))(X).tolist() == [0.0, 1.0]


def test_the_text_of_a_traced_number_is_a_text_in_all_else():
    asked = [
        (), ("a",), ("1",), (".",), (".", "-"), (3,), (9,), (9, "0"), (["x", "y"],), (None, 1),
        ("12", "9"), ({"a": 1},), (slice(1, 3),), (slice(None, None, -1),), (-1,), (0,),
    ]  # fmt: skip

    def answers(text):
        found = [type(text) is str, isinstance(text, str), hash(text), text == "1.2345", repr(text),
                 {text: 1}, [*text], list(map(str, text)), pickle.loads(pickle.dumps(text)),
                 json.dumps(text), "%s|%5.3s" % (text, text), f"{text}|{text:>9}",  # noqa: UP031
                 "".join((text, text)), text in ("1.2345",), "2" in text, text < "2",
                 text.__class__]  # fmt: skip
        for name in sorted(set(dir(str)) - set(dir(object)) - {"__getnewargs__", "__iter__"}):
            for given in asked:
                try:
                    found.append((name, getattr(text, name)(*given)))
                except Exception as error:
                    found.append((name, type(error)))
        return found

    met = []

    def f(x):
        met.append(answers(str(x[0])))
        return x[0] * np.array([1.0])[0]

    cr.grad(f)(X)
    assert met[0] == answers("1.2345")
    kept = []
    assert cr.grad(lambda x: kept.append(f"{x[0]:.2f}") or x[0] * 2.0)(X)[0] == 2.0
    assert int(kept[0].split(".")[1]) == 23
    assert float(kept[0]) == 1.23

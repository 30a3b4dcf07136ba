"""What a traced value was printed as is not read in again by anything."""

import ast
import decimal
import io
import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import LostDerivativeError

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
}


@pytest.mark.parametrize("name", READ)
def test_text_carries_no_derivative(name):
    for taken in (cr.grad, cr.jacobian, cr.derivative):
        f = READ[name] if taken is not cr.derivative else lambda t: READ[name](t * X)
        with pytest.raises(LostDerivativeError, match="was about to be read in"):
            taken(f)(1.0 if taken is cr.derivative else X)


def test_other_texts_are_read_as_ever(capsys):
    def f(x):
        print(x[0])
        half = decimal.Decimal("0.5")
        assert isinstance(half, decimal.Decimal)
        table = np.loadtxt(io.StringIO("7 8"))
        return x[0] * float(half + decimal.Decimal(2)) * json.loads("[4]")[0] + table.sum()

    assert cr.grad(f)(X).tolist() == [10.0, 0.0]
    assert capsys.readouterr().out == "1.2345\n"

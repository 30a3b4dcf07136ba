"""A traced value beside operands of foreign classes: as plain, or refused with what to write."""

import decimal
import enum
import fractions
import operator
import warnings
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainRuleError, InputTypeError, UnsupportedFunctionError

A = np.array([1.0, 2.0, 3.0])


class Reflected:
    """Computes something of its own on either side."""

    def __add__(self, other: Any) -> Any:
        return other * 2.0 - 1.0

    def __radd__(self, other: Any) -> Any:
        return other * 2.0 + 100.0

    __mul__ = __sub__ = __truediv__ = __pow__ = __add__
    __rmul__ = __rsub__ = __rtruediv__ = __rpow__ = __radd__


class Wrapped(np.lib.mixins.NDArrayOperatorsMixin):
    def __init__(self, held: Any) -> None:
        self.held = held

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        args = tuple(a.held if isinstance(a, Wrapped) else a for a in args)
        return Wrapped(getattr(ufunc, method)(*args, **kwargs))


class Alone:
    __array_ufunc__ = None

    def __mul__(self, other: Any) -> Any:
        return other * 9.0

    def __rmul__(self, other: Any) -> Any:
        return other * 7.0


class First:
    __array_priority__ = 5

    def __rmul__(self, other: Any) -> Any:
        return other * 3.0


class AsArray:
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return A


class Adds(np.ndarray):
    """A subclass that changes nothing."""

    def total(self) -> Any:
        return self.sum()


class Changes(np.ndarray):
    def __mul__(self, other: Any) -> Any:
        return np.asarray(self) * other + 1

    __rmul__ = __mul__


class Kilo(float):
    def __rmul__(self, other: Any) -> Any:
        return 1000 * float(self) * other


class Level(float, enum.Enum):
    LOW = 0.5


OPERANDS: dict[str, Any] = {
    "reflected": Reflected(), "wrapped": Wrapped(A), "alone": Alone(), "first": First(),
    "as array": AsArray(), "adds": A.view(Adds), "changes": A.view(Changes),
    "masked": np.ma.masked_array(A, [0, 1, 0]), "matrix": None, "kilo": Kilo(2.0),
    "enum": Level.LOW, "fraction": fractions.Fraction(1, 3), "decimal": decimal.Decimal("1.5"),
    "objects": np.array([1, 2.5, 3], object), "list": [1.0, 2.0, 3.0], "tuple": (1.0, 2.0, 3.0),
    "range": range(1, 4), "none": None, "text": "a", "true": True, "np true": np.True_,
    "integers": np.array([1, 2, 3]), "complex": 1j, "dict": {}, "set": {1},
}  # fmt: skip
with warnings.catch_warnings():
    warnings.simplefilter("ignore", PendingDeprecationWarning)
    OPERANDS["matrix"] = np.matrix(A)
try:
    import pandas as pd

    OPERANDS["series"] = pd.Series(A, index=[2, 1, 0])
    OPERANDS["frame"] = pd.DataFrame({"a": A})
except ImportError:
    pass
try:
    import xarray as xr

    OPERANDS["labelled"] = xr.DataArray(A, dims="t")
except ImportError:
    pass
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow,
             operator.eq, operator.lt, operator.matmul]  # fmt: skip
COMPARISONS = (operator.eq, operator.lt)
VALUES = {"float": 1.5, "float64": np.float64(1.5), "0-d": np.array(1.5),
          "1-d": np.array([1.5, 2.5, 0.5])}  # fmt: skip


def total(result: Any) -> Any:
    """Make one real number of a result."""
    result = getattr(result, "held", result)
    result = result.to_numpy() if hasattr(result, "to_numpy") else result
    return np.real(np.sum(result)) * 1.0


def answer(f: Any, x: Any) -> tuple[str, Any]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return "value", f(x)
        except ChainRuleError as error:
            return "loud", error
        except Exception as error:
            return "error", type(error)


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("name", OPERANDS)
def test_operators_beside_a_foreign_operand(name: str, kind: str) -> None:
    x, other = VALUES[kind], OPERANDS[name]
    direction = 1.0 if np.ndim(x) == 0 else np.array([0.3, -0.5, 1.0])
    for op in OPERATORS:
        for f in (lambda v, op=op: total(op(v, other)), lambda v, op=op: total(op(other, v))):
            plain = answer(f, x)
            traced = answer(lambda v, f=f: cr.jvp(f, (v,), (direction,)), x)
            if traced[0] == "loud":
                meant = name in REFUSED or (name == "fraction" and op in COMPARISONS)
                meant = meant or (name == "series" and op is operator.matmul)
                assert meant or plain[0] == "error", (op, traced[1])
                assert traced[1].cure
                continue
            assert plain[0] == traced[0], (op, plain, traced)
            if plain[0] == "error":
                continue
            np.testing.assert_allclose(traced[1][0], plain[1], err_msg=str(op))
            if np.all(np.isfinite(traced[1][1])) and op not in COMPARISONS:
                np.testing.assert_allclose(
                    traced[1][1], difference(f, x, direction), rtol=1e-5, atol=1e-6
                )


REFUSED = ("changes", "masked", "matrix", "frame", "labelled")


def difference(f: Any, x: Any, direction: Any) -> Any:
    """Return the central difference; a Python number stays one."""
    h = 1e-6
    up, down = (x + s * h * direction for s in (1, -1))
    if type(x) is np.ndarray:
        up, down = np.asarray(up), np.asarray(down)
    return (f(up) - f(down)) / (2 * h)


CURES = {
    "masked": ("keep = ~np.ma.getmaskarray(m)", lambda x, m: np.sum(
        x[~np.ma.getmaskarray(m)] * m.compressed())),
    "matrix": ("np.asarray(m)", lambda x, m: np.sum(np.asarray(m) @ x)),
    "labelled": ("m.to_numpy()", lambda x, m: np.sum(x * m.to_numpy())),
    "changes": ("np.asarray(m)", lambda x, m: np.sum(x * np.asarray(m) + 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in CURES if n in OPERANDS])
def test_the_cure_of_a_refusal_works(name: str) -> None:
    m = OPERANDS[name]
    words, cured = CURES[name]
    with pytest.raises(UnsupportedFunctionError) as caught:
        cr.grad(lambda x: np.sum(x * m))(VALUES["1-d"])
    assert words in caught.value.cure
    assert "test_operands.py" in caught.value.where
    x = VALUES["1-d"]
    slopes = [difference(lambda v: cured(v, m), x, e) for e in np.eye(3)]
    np.testing.assert_allclose(cr.grad(cured)(x, m), slopes, rtol=1e-7)


def test_subclasses_as_the_differentiated_argument() -> None:
    assert np.array_equal(cr.grad(np.sum)(A.view(Adds)), np.ones(3))
    for name in ("masked", "matrix", "changes"):
        with pytest.raises(InputTypeError, match="plain array"):
            cr.grad(np.sum)(OPERANDS[name])


def test_an_object_whose_array_is_traced() -> None:
    class Held:
        def __init__(self, held: Any) -> None:
            self.held = held

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return self.held

    assert cr.grad(lambda x: np.sum(x * Held(x)))(np.array([2.0])) == 4.0

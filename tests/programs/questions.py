"""A grammar of the questions that programs ask of a value, and of the operands that they meet."""

import collections.abc as abc
import copy
import decimal
import fractions
import math
import numbers
import operator
import pickle
import typing
from typing import Any

import numpy as np

_CLASSES = (
    float, int, complex, bool, str, list, tuple, dict, object, np.ndarray, np.generic, np.number,
    np.inexact, np.floating, np.float64, np.float32, np.complexfloating, np.integer, np.bool_,
    numbers.Number, numbers.Complex, numbers.Real, numbers.Rational, numbers.Integral,
    abc.Iterable, abc.Iterator, abc.Sized, abc.Container, abc.Collection, abc.Sequence,
    abc.MutableSequence, abc.Mapping, abc.Callable, abc.Reversible, abc.Set,
    typing.SupportsAbs, typing.SupportsRound, typing.SupportsInt,
    fractions.Fraction, decimal.Decimal,
)  # fmt: skip
_OTHERS = (None, "a", b"a", 1, 1.5, True, 1j, (), object(), float, fractions.Fraction(3, 2),
           decimal.Decimal("1.5"), math.inf, math.nan, range, Ellipsis)  # fmt: skip
_COMPARED = ("eq", "ne", "lt", "le", "gt", "ge")
# What attributes hold is loud or another thing; that they are there is what is asked.
_NAMES = sorted(
    set().union(*(dir(kind) for kind in (float, complex, int, list, np.ndarray, np.float64)))
    | {"value", "node", "owner", "concrete", "snapshot", "carries", "varies", "views", "numpy",
       "magnitude", "units", "detach", "values", "to_numpy", "name", "example", "level", "grad"}
)  # fmt: skip
# These the protocols of NumPy need on every traced value, or they are refused when read.
_ENGINE = frozenset(
    "__array_ufunc__ __array_function__ __array_priority__ __array_interface__ __array_struct__ "
    "__slots__ __module__ __weakref__ __annotations__ __dict__ data ctypes __hash__ "
    "__class_getitem__ __getformat__".split()
)
_MATH = tuple(
    getattr(math, name) for name in
    "sqrt log exp sin acos atanh floor ceil trunc fabs isnan isfinite isinf frexp modf gamma "
    "lgamma factorial degrees".split()
)  # fmt: skip
_FUNCTIONS: dict[str, Any] = {
    "len": len, "iter": iter, "list": list, "tuple": tuple, "callable": callable, "bool": bool,
    "round": round, "round1": lambda x: round(x, 1), "round none": lambda x: round(x, None),
    "abs": abs, "neg": operator.neg, "pos": operator.pos, "invert": operator.invert,
    "str": str, "repr": repr, "format": format, "format f": lambda x: f"{x:.3f}",
    "percent": lambda x: "%.2f" % x,  # noqa: UP031
    "copy": copy.copy, "deepcopy": copy.deepcopy,
    "index": operator.index, "class": lambda x: x.__class__, "iterable": np.iterable,
    "ndim": np.ndim, "shape": np.shape, "size": np.size, "isscalar": np.isscalar, "int": int,
    "reversed": lambda x: list(reversed(x)), "range": lambda x: list(range(round(x))),
    "is int": lambda x: isinstance(round(x), int), "contains": lambda x: 1.5 in x,
    "empty index": lambda x: x[()], "first": lambda x: x[0], "new axis": lambda x: x[None],
    "isreal": np.isreal, "iscomplexobj": np.iscomplexobj, "call": lambda x: x(),
    "is_integer": lambda x: x.is_integer(), "conjugate": lambda x: x.conjugate(),
    "real": lambda x: x.real, "imag": lambda x: x.imag, "ldexp": lambda x: math.ldexp(
        *math.frexp(x)), "divmod": lambda x: divmod(x, 0.7), "divmod 0": lambda x: divmod(x, 0),
    "over 0": lambda x: x / 0, "floor over 0": lambda x: x // 0, "mod 0": lambda x: x % 0,
    "0 to": lambda x: (x - x) ** -1, "large": lambda x: (x * 1e200) ** 2, "root": lambda x:
        (-x) ** 0.5, "inverse": lambda x: 1 / (x - x), "list of": lambda x: x * [1, 2],
    "mul none": lambda x: x * None, "add str": lambda x: x + "a", "item": lambda x: x.item(),
    "tolist": lambda x: x.tolist(), "set": lambda x: x.__setitem__(0, 1.0), "unpack": lambda x:
        (lambda a, b: a)(*x), "pickle": lambda x: pickle.loads(pickle.dumps(x)), "hash": hash,
    "sum": sum, "max": max, "sorted": sorted, "min 1": lambda x: min(x, 1.0), "any": any,
    "view": lambda x: x.view(), "base": lambda x: x.base is None, "matmul": lambda x: x @ x,
    "float": float, "complex": complex, "pow 3": lambda x: pow(x, 2, 3), "xor": lambda x: x ^ 1,
    "np eq none": lambda x: np.equal(x, None), "dir": lambda x: "shape" in dir(x) and "cr_node",
}  # fmt: skip
for _f in _MATH:
    _FUNCTIONS[f"math.{_f.__name__}"] = _f


def questions() -> dict[str, Any]:
    """Return all questions by name."""
    found: dict[str, Any] = {
        f"hasattr {n}": (lambda x, n=n: hasattr(x, n)) for n in _NAMES if n not in _ENGINE
    }
    found |= {f"isinstance {k}": (lambda x, k=k: isinstance(x, k)) for k in _CLASSES}
    for i, other in enumerate(_OTHERS):
        for name in _COMPARED:
            compare = getattr(operator, name)
            found[f"{name} {i} {other!r:.20}"] = lambda x, c=compare, o=other: c(x, o)
            found[f"{i} {other!r:.20} {name}"] = lambda x, c=compare, o=other: c(o, x)
    return found | _FUNCTIONS


VALUES = {
    "float": 1.75, "whole float": 3.0, "negative float": -2.5, "float64": np.float64(1.75),
    "float32": np.float32(1.75), "0-d": np.array(1.75), "1-d": np.array([1.75, -0.5, 3.0]),
    "one": np.array([1.75]), "2-d": np.array([[1.75, 0.5], [2.0, 4.0]]), "complex": 1.5 + 2j,
    "complex128": np.complex128(1.5 - 2j), "complex 1-d": np.array([1j, 2.0 + 1j]),
    "float32 1-d": np.float32([0.5, 1.5]), "empty": np.zeros(0),
}  # fmt: skip

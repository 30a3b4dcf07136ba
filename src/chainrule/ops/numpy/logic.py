"""Comparisons, logic, rounding and questions of place: nothing flows through them.

Their outputs are piecewise constant, so their derivative is zero wherever it exists; at the jumps
it is zero by convention (docs/policy: kinks). Integer arithmetic stands here for the same reason.
"""

from typing import Any

import numpy as np

from ...core.op import Const, Notation, Op, sample
from ...core.registry import composite, declare
from ...core.slots import INDEX, Partial
from .. import jumps
from ..declare import constant, constant_call, operand

_STEP = "piecewise constant: nothing flows"
_INTS = Const(np.array([5, 3, 6]))
_BITS = Const(np.array([3, 6, 1]))

_COMPARISONS = {
    np.less: ("{0} < {1}", "{0} < {1}"),
    np.less_equal: ("{0} ≤ {1}", "{0} \\le {1}"),
    np.greater: ("{0} > {1}", "{0} > {1}"),
    np.greater_equal: ("{0} ≥ {1}", "{0} \\ge {1}"),
    np.equal: ("{0} = {1}", "{0} = {1}"),
    np.not_equal: ("{0} ≠ {1}", "{0} \\ne {1}"),
    np.logical_and: ("{0} ∧ {1}", "{0} \\wedge {1}"),
    np.logical_or: ("{0} ∨ {1}", "{0} \\vee {1}"),
    np.logical_xor: ("{0} ⊻ {1}", "{0} \\veebar {1}"),
}
for _ufunc, (_text, _latex) in _COMPARISONS.items():
    constant(
        _ufunc, 2, complex=True,
        jump=jumps.truth if "logical" in _ufunc.__name__ else jumps.when_equal,
        notation=Notation(_text, _latex, 5, (6, 6), _STEP),
        samples=(sample((3,), (2, 1)), sample((), ())),
    )  # fmt: skip

for _ufunc in (np.logical_not, np.isnan, np.isinf, np.isfinite):
    constant(
        _ufunc, complex=True, notation=Notation(rule=_STEP), samples=(sample((2, 3)), sample(())),
        jump=jumps.truth if _ufunc is np.logical_not else None,
    )  # fmt: skip

constant(np.isnat, notation=Notation(rule=_STEP))

_ROUNDINGS = {
    np.floor: ("⌊{0}⌋", "\\lfloor {0} \\rfloor", "floor(x)"),
    np.ceil: ("⌈{0}⌉", "\\lceil {0} \\rceil", "ceil(x)"),
    np.rint: ("", "", "nint(x)"),
    np.trunc: ("", "", ""),
    np.signbit: ("", "", ""),
    np.spacing: ("", "", ""),
}
for _ufunc, (_text, _latex, _mp) in _ROUNDINGS.items():
    constant(
        _ufunc, mp=_mp, jump=jumps.at_zero if _ufunc is np.signbit else None,
        notation=Notation(_text, _latex, 100 if not _text else 90, (0,), _STEP),
        samples=(sample((2, 3)), sample(())),
    )  # fmt: skip

constant(
    np.floor_divide, 2, mp="floor(x / y)", domain=((-3.0, 3.0), (0.3, 3.0)),
    notation=Notation("⌊{0} / {1}⌋", "\\lfloor {0} / {1} \\rfloor", 90, (20, 21), _STEP),
    samples=(sample((2, 3), (3,)), sample((), ())),
)  # fmt: skip
for _ufunc in (
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift, np.gcd, np.lcm,
):  # fmt: skip
    constant(_ufunc, 2, notation=Notation(rule=_STEP), samples=(sample(_INTS, _BITS),))
constant(np.invert, notation=Notation(rule=_STEP), samples=(sample(_INTS),))
if hasattr(np, "bitwise_count"):
    constant(np.bitwise_count, notation=Notation(rule=_STEP), samples=(sample(_INTS),))

heaviside = declare(
    Op(
        "heaviside",
        np.heaviside,
        (INDEX, Partial(lambda _y, x, _h: np.equal(x, 0), selects=True)),
        function=np.heaviside,
        jump=jumps.at_zero,
        domain=((-3.0, 3.0), (-3.0, 3.0)),
        kinks=(0.0,),
        notation=Notation("H({0}; {1})", "H({0};{1})", 90, (0, 0), _STEP),
        samples=(
            sample((2, 3), (3,)),
            sample(Const(np.array([-1.0, 0.0, 2.0])), (3,)),
            sample((), ()),
        ),
    )
)
nextafter = declare(
    Op(
        "nextafter",
        np.nextafter,
        (Partial(1.0), INDEX),
        function=np.nextafter,
        notation=Notation(rule="the neighbour of x moves with x"),
        samples=(sample((2, 3), (3,)), sample((), ())),
    )
)

_WORDS = Notation(rule=_STEP)
_JUMPS = {
    np.argmax: jumps.largest, np.nanargmax: jumps.largest, np.argmin: jumps.smallest,
    np.nanargmin: jumps.smallest, np.argsort: jumps.in_order, np.argwhere: jumps.at_zero,
}  # fmt: skip
for _function, _samples in {
    np.argmax: (sample((2, 3)), sample((2, 3), axis=1), sample((2, 3), axis=0, keepdims=True)),
    np.argmin: (sample((2, 3)), sample((2, 3), axis=1)),
    np.nanargmax: (sample((2, 3)), sample((2, 3), axis=1)),
    np.nanargmin: (sample((2, 3)), sample((2, 3), axis=1)),
    np.argsort: (sample((2, 3)), sample((2, 3), axis=0), sample((2, 3), axis=None)),
    np.argwhere: (sample((2, 3)),),
    np.count_nonzero: (sample((2, 3)), sample((2, 3), axis=0)),
    np.round: (sample((2, 3)), sample((2, 3), 1)),
}.items():
    constant_call(
        _function, "a", samples=_samples, notation=_WORDS, jump=_JUMPS.get(_function),
        batch={"argwhere": "loop", "count_nonzero": "axis", "round": "elementwise"}.get(
            _function.__name__, "flat axis"
        ),
    )  # fmt: skip
constant_call(
    np.around, "a", samples=(sample((2, 3), decimals=1),), notation=_WORDS, name="around",
    batch="elementwise",
)  # fmt: skip
for _function in (np.any, np.all):
    constant_call(
        _function, "a", samples=(sample((2, 3)), sample((2, 3), axis=0)), notation=_WORDS,
        batch="axis",
    )  # fmt: skip
for _function in (np.fix, np.isneginf, np.isposinf, np.iscomplex, np.isreal):
    constant_call(
        _function, "x", samples=(sample((2, 3)),), notation=_WORDS, batch="elementwise"
    )
constant_call(
    np.isclose, "a", "b", complex=True, batch="elementwise",
    samples=(sample((2, 3), (3,)), sample((), ())),
    notation=_WORDS,
)  # fmt: skip
constant_call(
    np.searchsorted, "a", "v", "sorter", batch="search", notation=_WORDS, jump=jumps.among,
    samples=(sample(Const(np.arange(4.0)), (3,)), sample(Const(np.arange(4.0)), (), side="right")),
)  # fmt: skip
constant_call(
    np.digitize, "x", "bins", batch="search", notation=_WORDS, jump=jumps.among,
    samples=(sample((3,), Const(np.arange(4.0))),),
)  # fmt: skip
constant_call(
    np.isin, "element", "test_elements", batch="search", notation=_WORDS,
    samples=(sample((3,), Const(np.ones(2))),),
)  # fmt: skip
constant_call(
    np.lexsort, "keys", signature="keys axis", batch="loop", notation=_WORDS,
    jump=lambda _y, keys, **__: jumps.in_order(None, keys[-1]),  # the others decide at its ties
    samples=(sample((2, 4)),),
)  # fmt: skip


@composite(np.nonzero, sample((2, 3)), sample((4,)))
def nonzero(a: Any) -> Any:
    """Return the indices of the elements that are not zero, one array per axis."""
    if np.ndim(a) == 0:
        raise ValueError("np.nonzero takes an array with at least one axis; use np.atleast_1d(a)")
    places = np.argwhere(a)
    return tuple(places[:, k] for k in range(np.ndim(a)))


@composite(np.array_equal, sample((2, 3), (2, 3)))
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    """Say whether two arrays have the same shape and elements."""
    a1, a2 = operand(a1), operand(a2)
    return np.shape(a1) == np.shape(a2) and bool(np.all(_same(a1, a2, equal_nan)))


@composite(np.array_equiv, sample((2, 3), (3,)))
def array_equiv(a1: Any, a2: Any) -> bool:
    """Say whether two arrays, broadcast together, have the same elements."""
    a1, a2 = operand(a1), operand(a2)
    try:
        np.broadcast_shapes(np.shape(a1), np.shape(a2))
    except ValueError:
        return False
    return bool(np.all(np.equal(a1, a2)))


def _same(a: Any, b: Any, equal_nan: bool) -> Any:
    equal = np.equal(a, b)
    if equal_nan:
        equal = np.logical_or(equal, np.logical_and(np.not_equal(a, a), np.not_equal(b, b)))
    return equal


def _kind(a: Any) -> Any:
    """Return what stands for an argument where only its dtype is asked for."""
    dtype = None if isinstance(a, type) else getattr(a, "dtype", None)  # np.float32 has one too
    return a if dtype is None else dtype


@composite(np.result_type)
def result_type(*args: Any) -> Any:
    """Return the dtype that the arguments are promoted to; a Python number is weak."""
    return np.result_type(*(_kind(a) for a in args))


@composite(np.can_cast)
def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """Say whether a cast is allowed: a question about dtypes only."""
    return np.can_cast(_kind(from_), _kind(to), casting)


@composite(np.common_type)
def common_type(*arrays: Any) -> Any:
    """Return the inexact scalar type common to the arrays."""
    return np.common_type(*(np.empty(0, a.dtype) for a in arrays))

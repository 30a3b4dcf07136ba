"""Which printed values are exact: formulas computed again in fractions, by their own code.

A line may end in ``= 1`` only where its formula gives 1, not where floating point rounds to it:
cos(1e-8) is ≈ 1. Operations of NumPy run on arrays of objects; what they cannot do there, or do by
way of floats, gives numbers that are known only nearly.
"""

import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from .expr import App, Expr, Num, Sym, op_of

ENTRIES, WORK, BITS = 512, 20_000, 2000  # of an array; of a document; of a numerator
TIED = 1e-13
LOST, TIE = object(), object()  # numbers that are not followed; what a tie of them decides
_PLAIN = (0, 1, -1)  # where a value of a function that floating point shows in few digits is true


class UnsureError(Exception):
    """Floating point decides between numbers that are equal only nearly."""


class Known:
    """A number as a fraction, or (with no fraction) as a float near it."""

    __slots__ = ("near", "true")

    def __init__(self, true: Fraction | None, near: float) -> None:
        if true is not None and true.numerator.bit_length() + true.denominator.bit_length() > BITS:
            true = None
        self.true, self.near = true, near

    def _with(self, other: Any, do: Callable[[Any, Any], Any], turned: bool = False) -> Any:
        other = known(other)
        if other is None:
            return NotImplemented
        a, b = (other, self) if turned else (self, other)
        with np.errstate(all="ignore"):
            near = float(do(np.float64(a.near), np.float64(b.near)))
        if a.true is None or b.true is None:
            return Known(None, near)
        try:
            return Known(do(a.true, b.true), near)
        except ZeroDivisionError:
            return Known(None, near)

    def __add__(self, other: Any) -> Any:
        return self._with(other, operator.add)

    def __radd__(self, other: Any) -> Any:
        return self._with(other, operator.add, True)

    def __sub__(self, other: Any) -> Any:
        return self._with(other, operator.sub)

    def __rsub__(self, other: Any) -> Any:
        return self._with(other, operator.sub, True)

    def __mul__(self, other: Any) -> Any:
        other = known(other)
        if other is not None and 0 in (self.true, other.true):
            if math.isfinite(self.near) and math.isfinite(other.near):
                return Known(Fraction(0), self.near * other.near)
        return self._with(other, operator.mul)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        other = known(other)
        if other is not None and self.true == 0 and other.near and math.isfinite(other.near):
            return Known(Fraction(0), 0.0)
        return self._with(other, operator.truediv)

    def __rtruediv__(self, other: Any) -> Any:
        return known(other) / self

    def __mod__(self, other: Any) -> Any:
        return self._with(other, operator.mod)

    def __floordiv__(self, other: Any) -> Any:
        return self._with(other, operator.floordiv)

    def __pow__(self, other: Any) -> Any:
        n = known(other)
        if n is None:
            return NotImplemented
        with np.errstate(all="ignore"):
            near = float(np.power(np.float64(self.near), n.near))
        return Known(_power(self.true, n.true), near)

    def __rpow__(self, other: Any) -> Any:
        return known(other) ** self

    def __neg__(self) -> "Known":
        return Known(None if self.true is None else -self.true, -self.near)

    def __pos__(self) -> "Known":
        return self

    def __abs__(self) -> "Known":
        return Known(None if self.true is None else abs(self.true), abs(self.near))

    def conjugate(self) -> "Known":
        """Return itself: a real number."""
        return self

    def __float__(self) -> float:
        return self.near

    def __index__(self) -> int:
        if self.true is None or self.true.denominator != 1:
            raise TypeError
        return int(self.true)

    def __bool__(self) -> bool:
        return bool(self.near)

    def __hash__(self) -> int:
        return hash(self.near)

    def _compared(self, other: Any, do: Callable[[Any, Any], bool]) -> bool:
        other = known(other)
        if other is None:
            return False
        found = bool(do(self.near, other.near))  # as the program did
        if self.true is None or other.true is None:
            near = abs(self.near - other.near) <= TIED * max(abs(self.near), abs(other.near))
            if self is not other and near and math.isfinite(self.near - other.near):
                raise UnsureError
        elif bool(do(self.true, other.true)) != found:
            raise UnsureError
        return found

    def __eq__(self, other: Any) -> bool:
        return self._compared(other, operator.eq)

    def __lt__(self, other: Any) -> bool:
        return self._compared(other, operator.lt)

    def __le__(self, other: Any) -> bool:
        return self._compared(other, operator.le)

    def __gt__(self, other: Any) -> bool:
        return self._compared(other, operator.gt)

    def __ge__(self, other: Any) -> bool:
        return self._compared(other, operator.ge)

    def __getattr__(self, name: str) -> Any:
        """Return what a ufunc calls on objects: ``x.sin()``."""
        ufunc = None if name[0] == "_" else getattr(np, name, None)
        if not isinstance(ufunc, np.ufunc):
            raise AttributeError(name)
        return lambda *others: _function(ufunc, name, [self, *map(known, others)])


def known(v: Any) -> Any:
    """Return a plain number as it is written; a float is the decimal that is printed for it."""
    if isinstance(v, Known):
        return v
    if isinstance(v, bool | np.bool_ | int | np.integer):
        return Known(Fraction(int(v)), float(v))
    if isinstance(v, float | np.floating):
        near = float(v)
        return Known(Fraction(str(v)) if math.isfinite(near) else None, near)
    return None


def _power(base: Fraction | None, n: Fraction | None) -> Fraction | None:
    """Return a power that is a fraction."""
    if n == 0:
        return Fraction(1)
    if base is None or n is None:
        return None
    bits = base.numerator.bit_length() + base.denominator.bit_length()
    if abs(n.numerator) * bits > BITS or n.denominator > 60 or (base == 0 and n < 0):
        return None
    root = _root(base, n.denominator)
    return None if root is None else root**n.numerator


def _root(q: Fraction, n: int) -> Fraction | None:
    """Return the root of a fraction where it is one."""
    if n == 1:
        return q
    if q < 0:
        return None
    parts = [round(k ** (1 / n)) if k.bit_length() < 900 else 0
             for k in (q.numerator, q.denominator)]  # fmt: skip
    root = Fraction(parts[0], parts[1]) if parts[1] else Fraction(0)
    return root if root**n == q else None


def _function(ufunc: Any, name: str, args: list[Known]) -> Known:
    """Return a function's value: exact where it has to be."""
    with np.errstate(all="ignore"):
        near = float(ufunc(*(a.near for a in args)))
    q = args[0].true
    if q is None or any(a.true is None for a in args):
        return Known(None, near)
    if name in ("sqrt", "cbrt"):
        n = 2 if name == "sqrt" else 3
        root = _root(abs(q), n)
        return Known(None if root is None or (q < 0 and n == 2) else root * (-1 if q < 0 else 1),
                     near)  # fmt: skip
    if name == "hypot":
        return Known(_root(q * q + args[1].true ** 2, 2), near)  # type: ignore[operator]
    if name in ("floor", "ceil", "trunc", "rint", "sign", "fabs"):
        return known(near)  # type: ignore[no-any-return]
    if name in ("exp2", "log2", "log10"):
        base, power = (2 if "2" in name else 10), q if name == "exp2" else known(near).true
        value = _power(Fraction(base), power) if power is not None else None
        return Known(value if name == "exp2" else power if value == q else None, near)
    return known(near) if all(a.true in _PLAIN for a in args) else Known(None, near)


class Digits:
    """What is known of every symbol of a document: its value in fractions, where it has one."""

    def __init__(self, symbols: Mapping[str, Any]) -> None:
        self.symbols = symbols
        self.found: dict[str, Any] = {}
        self.judged: dict[str, tuple[Any, Any, bool]] = {}
        self.work = 0

    def rough(self, lhs: Expr, sides: list[Expr], value: Any) -> bool:
        """Say whether a value that ends a line is not what its formula gives exactly."""
        id = lhs.id if isinstance(lhs, Sym) else ""
        if not sides:  # what is given
            return _differs(self.found.setdefault(id, _exactly(value)), value)
        whole = np.asarray(value).dtype.kind in "biu"
        found = self.evaluate(sides[0])
        if whole and found is not TIE:
            found = value
        if id:
            self.found[id] = found
        return _differs(found, value)

    def differs(self, e: Expr, value: Any) -> bool:
        """Say whether a value is not exactly what a formula gives."""
        return _differs(self.evaluate(e), value)

    def is_rough(self, id: str) -> bool:
        """Say whether a symbol's value is not exactly what it is shown as."""
        if id not in self.found:
            return False
        now = self.found[id], self.symbols[id].value
        *before, answer = self.judged.get(id, (LOST, LOST, False))
        if before[0] is not now[0] or before[1] is not now[1]:
            answer = _differs(*now)
            self.judged[id] = (*now, answer)
        return answer

    def is_held(self, id: str) -> bool:
        """Say whether floating point holds a symbol's value to the last bit: 0.25, and not 0.1."""
        found, value = self.found.get(id, LOST), np.ravel(self.symbols[id].value)
        if found is LOST or found is TIE or value.dtype.kind != "f" or np.size(found) != value.size:
            return False
        known = np.ravel(np.asarray(found, object))
        return all(getattr(k, "true", None) is not None and math.isfinite(v)
                   and k.true == Fraction(v)
                   for k, v in zip(known, value.tolist(), strict=True))  # fmt: skip

    def evaluate(self, e: Expr) -> Any:
        """Compute a tree in fractions."""
        if isinstance(e, Num):
            if type(e.value) is int:
                return known(e.value)
            return _exactly(e.value, not (e.name or e.rough))
        if isinstance(e, Sym):
            if e.id not in self.found:
                given = self.symbols[e.id]
                self.found[e.id] = _exactly(given.value, given.kind not in _MADE)
            return self.found[e.id]
        if e.op == "eye":
            return _exactly(np.eye(e.shape[0]), True)
        if e.op in ("zeros", "ones"):
            return _spread(float(e.op == "ones"), e.shape)
        args = [self.evaluate(a) for a in e.args]
        if any(np.asarray(a).dtype.kind == "c" for a in args):
            return self._complex(e, args)
        for unknown in (TIE, LOST):
            if any(a is unknown for a in args):
                return unknown
        self.work += max([np.size(a) for a in args], default=1) * (
            max(np.shape(args[0])) if e.op == "matmul" and np.ndim(args[0]) else 1)
        return LOST if self.work > WORK else self._applied(e, args)

    def _complex(self, e: App, args: list[Any]) -> Any:
        """Compute with complex numbers: exactly where they are short, which floats hold."""
        plain = [_floats(a) if _is_number(a) else a for a in args]
        true = all(_true_in(a, None) for a in args)
        if e.op not in _GAUSSIAN or not true or any(a is LOST or a is TIE for a in args):
            return LOST
        if not all(map(_is_short, plain)):
            return LOST
        found = op_of(e.op).value(*plain, **e.params)
        return _exactly(found)

    def _applied(self, e: App, args: list[Any]) -> Any:
        if e.op == "outer":
            return args[0][:, None] * args[1]
        op = op_of(e.op)
        whole = [k for k, a in enumerate(args) if not _is_number(a)]
        with np.errstate(all="ignore"):
            try:
                found = _tidy(op.value(*args, **e.params), e.op)
                if found is not LOST and np.shape(found) == tuple(e.shape):
                    return found
            except UnsureError:
                return TIE
            except Exception:  # no code for objects: what floating point finds is near
                pass
            floats = [a if k in whole else _floats(a) for k, a in enumerate(args)]
            try:
                found = op.value(*floats, **e.params)
            except Exception:
                return LOST
        plain = all(_true_in(a, None if e.op in _STEPS else _PLAIN) for a in args)
        return LOST if isinstance(found, tuple) else _exactly(found, plain)


_MADE = ("step", "gradient", "tangent", "partial", "synonym", "output")
_STEPS = ("sign", "heaviside")
_GAUSSIAN = frozenset("add subtract multiply negative positive conjugate square real_part "
                      "imaginary_part astype copy getitem".split())  # fmt: skip
_MOVED = frozenset("where getitem setitem scatter_add add_at concatenate stack pad_zeros "
                   "embed_diagonal pack tril triu".split())  # fmt: skip


def _is_short(a: Any) -> bool:
    """Say whether all parts of numbers have so few bits that a product of two is exact."""
    parts = np.stack([np.real(a), np.imag(a)]).astype(float) * 1024.0
    return bool(np.all(np.isfinite(parts)) and np.all(abs(parts) < 2**22)
                and np.all(parts == np.floor(parts)))  # fmt: skip


def _is_number(a: Any) -> bool:
    return isinstance(a, Known) or (isinstance(a, np.ndarray) and a.dtype == object)


def _exactly(v: Any, trusted: bool = True) -> Any:
    """Return numbers as fractions; those that are not trusted as they are computed."""
    a = np.asarray(v)
    if a.dtype.kind in "biu" or v is None:
        return v
    if a.dtype.kind == "c":
        return a[()] if trusted and a.size <= ENTRIES else LOST
    if a.dtype.kind != "f" or a.size > ENTRIES:
        return LOST
    make = known if trusted else lambda x: Known(None, float(x))
    if a.ndim == 0:
        return make(a[()])
    out = np.empty(a.shape, object)
    out.ravel()[:] = [make(x) for x in a.ravel()]
    return out


def _spread(v: float, shape: Any) -> Any:
    return _exactly(np.full(shape, v)) if math.prod(shape) <= ENTRIES else LOST


def _tidy(found: Any, op: str) -> Any:
    """Return what an operation made of fractions; floats that it made on the way are near."""
    if isinstance(found, tuple):
        return LOST
    a = np.asarray(found)
    if a.dtype.kind in "biu":
        return found
    if a.dtype != object:
        return LOST
    entries = [x if isinstance(x, Known) else known(x) if isinstance(x, int) or op in _MOVED else
               Known(None, float(x)) for x in a.ravel()]  # fmt: skip
    if a.ndim == 0:
        return entries[0]
    out = np.empty(a.shape, object)
    out.ravel()[:] = entries
    return out


def _floats(a: Any) -> Any:
    return np.float64(a.near) if isinstance(a, Known) else np.array(
        [x.near for x in a.ravel()]).reshape(a.shape)  # fmt: skip


def _true_in(a: Any, numbers: Any) -> bool:
    if not _is_number(a):
        return True
    found = [x.true for x in np.ravel(np.asarray(a, object))]
    return None not in found if numbers is None else all(x in numbers for x in found)


def _differs(found: Any, value: Any) -> bool:
    """Say whether a shown number is another than the exact one, or no exact one is known."""
    if isinstance(found, Known) and isinstance(value, float | np.floating):
        return math.isfinite(value) and (found.true is None or found.true != known(value).true)
    kind = np.asarray(value).dtype.kind
    if kind == "c":
        near = np.asarray(found).dtype.kind != "c" or not np.array_equal(found, value, True)
        return bool(near and np.all(np.isfinite(value)))
    if not np.size(value) or kind != "f":
        return False
    if found is LOST or found is TIE:
        return True
    shown = np.asarray(value)
    corner = tuple(slice(0, 6 if shown.ndim == 1 else 3) for _ in shown.shape)
    near = np.broadcast_to(np.asarray(found, object), shown.shape)
    pairs = zip(np.ravel(near[corner]), np.ravel(shown[corner]), strict=True)
    return any(math.isfinite(v) and known(x).true != known(v).true for x, v in pairs)

"""The faces of tracers: a traced value answers what the value itself would answer.

A program asks of a value whether it has a length, a shape, an iterator; which classes it belongs
to; what Python's arithmetic makes of it. For each class of plain values there is one class of
tracers, made here when the first such value is traced. It has the members that the plain class has
and hides what only the engine needs. A Python float has the face of `float`: no shape, no dtype,
and the exceptions of Python's arithmetic.
"""

import dis
import operator
from collections.abc import Callable, Iterator
from functools import lru_cache
from sys import _getframe, getrefcount
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..core import registry
from ..core.registry import recorded
from ..core.sequences import is_sequence
from . import cures, flats, foreign, kept, searches, stores
from . import tracer as tracers
from .handed import keep_watch
from .losses import TRACERS, lost
from .running import running
from .source import inside
from .tracer import Tracer, call, concrete, known
from .watching import note

_NO_PARAMS: dict[str, Any] = {}


class Face(type):
    """The metaclass of the faces: abstract base classes judge them by the plain class."""

    cr_plain: type = object

    @property
    def __mro__(cls) -> tuple[type, ...]:  # type: ignore[override]
        asks = _getframe(1).f_globals.get("__name__")
        return cls.cr_plain.__mro__ if asks in _JUDGES else tuple(type.mro(cls))


_JUDGES = ("_collections_abc", "collections.abc", "typing", "typing_extensions")


class Hidden:
    """A member that the engine and compiled code find, and questions of the program do not."""

    __slots__ = ("name", "member")

    def __init__(self, name: str, member: Any) -> None:
        self.name, self.member = name, member

    def __get__(self, held: Any, owner: Any = None) -> Any:
        if held is None:
            return self.member
        if _asked_by_program(_getframe(1), self.name):
            kind = type(held).__name__  # by which `unhidden` knows what was met
            raise AttributeError(f"'{kind}' object has no attribute '{self.name}'")
        bind = getattr(type(self.member), "__get__", None)
        return self.member if bind is None else bind(self.member, held, owner)


def _asked_by_program(frame: FrameType, name: str) -> bool:
    """Say whether code of the program asks for a member by its name.

    Compiled code that it calls asks for what Python calls by two underscores, as ``iter(x)`` does.
    """
    code = frame.f_code
    if inside[code.co_filename]:
        return False
    if not name.startswith("__"):
        return True
    step, operands = _step(code, frame.f_lasti)
    if "CALL" not in step:
        return step in ("LOAD_ATTR", "LOAD_METHOD")
    held = [value if constant else frame.f_locals.get(value) for constant, value in operands]
    return any(type(value) is str and value == name for value in held)


@lru_cache(maxsize=1024)
def _step(code: CodeType, at: int) -> tuple[str, tuple[tuple[bool, Any], ...]]:
    """Return the instruction at an offset, and the names and strings that were loaded before it."""
    before: list[tuple[bool, Any]] = []
    for step in dis.get_instructions(code):
        if step.offset >= at:
            return step.opname, tuple(before[-3:])
        if step.opname == "LOAD_CONST" and isinstance(step.argval, str):
            before.append((True, step.argval))
        elif step.opname.startswith(("LOAD_FAST", "LOAD_DEREF")):
            names = step.argval if isinstance(step.argval, tuple) else (step.argval,)
            before += [(False, name) for name in names]
    return "", ()


def face_of(plain: type) -> Any:
    """Make the class of the tracers that stand for values of a plain class."""
    shown = set(dir(plain))
    members: dict[str, Any] = {"__slots__": (), "cr_plain": plain}
    if plain is not np.ndarray:
        members["__class__"] = plain
    own = dict(_MEMBERS)
    if plain in (float, complex):
        own |= _PYTHONIC
    if plain is bool:
        own |= _TRUE_AS_ONE
    if plain is np.flatiter:
        own |= flats.members(_read_flat, _setitem)
    if plain is complex:
        own |= {name: _not_real(name) for name in ("__float__", "__int__")}
    for name, member in own.items():
        if name in shown:
            members[name] = member
        elif name in _NEEDED or name in own.keys() - _MEMBERS.keys():
            members[name] = Hidden(name, member)
    common = {**vars(tracers.Guarded), **vars(Tracer)}
    for name in common.keys() - shown - members.keys() - _UNASKED:
        if not name.startswith("cr_"):
            members[name] = Hidden(name, common[name])
    if "__getitem__" in members and "__iter__" not in members:
        members["__iter__"] = Hidden("__iter__", None)  # else Python would iterate by index
    for name in shown - set(dir(Tracer)) - members.keys():
        members[name] = _remaining(plain, name)
    members = {k: v for k, v in members.items() if v is not _LEFT_OUT}
    members.setdefault("__hash__", Tracer.__hash__)
    return Face(f"{plain.__name__}Tracer", (Tracer,), members)


_LEFT_OUT = object()
_NEEDED = frozenset(("__index__",))  # integers among the inputs may be counts
_UNASKED = frozenset(
    "__array_ufunc__ __array_function__ __array_priority__ __slots__ "
    "__module__ __doc__ __init__ "
    "__init_subclass__ __hash__ __weakref__ __class__ __annotations__ __dask_tokenize__ "
    "__firstlineno__ __static_attributes__".split()
)


# --- the arithmetic of Python's numbers -------------------------------------------------------


def as_python(x: Any) -> Any:
    """Give a number of double precision the face of a Python number."""
    kind = type(x)
    if kind in TRACERS:
        if kind is _Float64:
            _set_class(x, _Float)
        elif kind is _Complex128:
            _set_class(x, _Complex)
        return x
    return x.item() if isinstance(x, _DOUBLE) else x


_DOUBLE = (np.float64, np.complex128, np.bool_)


def shown(x: Any) -> Any:
    """Return the plain value that is printed; that of a batch says so."""
    kind = type(x)
    while type(x) in TRACERS:
        x = x.cr_value
    return x.item() if kind in PYTHONS and isinstance(x, np.generic) else x


def is_python(x: Any) -> bool:
    """Say whether a traced value has the face of a Python number."""
    return type(x) in PYTHONS


def numbered(x: Any) -> Any:
    """Return what NumPy makes of a number with the face of a Python number."""
    return x.cr_snapshot() if type(x) in PYTHONS else x


def lowered(operands: Any) -> Any:
    """Convert traced Python numbers to the precision of what they meet: they are weak as plain.

    NumPy computes ``np.float32(2) * 0.1`` in single precision (NEP 50).
    """
    if all(type(v) in _WEAK or (type(v) in _KNOWN and v.dtype.char in "dD") for v in operands):
        return operands
    kinds = [_WEAK.get(type(v)) for v in operands]
    strong = [
        np.result_type(np.asarray(v) if is_sequence(v) else v)
        for v, kind in zip(operands, kinds, strict=True) if kind is None and v is not None
    ]  # fmt: skip
    if not strong:
        return operands
    found = []
    for v, kind in zip(operands, kinds, strict=True):
        if kind is not None and type(v) in PYTHONS:
            dtype = np.result_type(kind, *strong)
            if type(kind) is complex or dtype.kind == "f":
                v = v if dtype == v.dtype else v.astype(dtype)
            elif dtype.kind == "c":
                v = v.astype(dtype.type(0).real.dtype)
        found.append(v)
    return tuple(found)


_set_class: Callable[[Any, Any], None] = vars(object)["__class__"].__set__


def _binary(name: str, ufunc: Any, swap: bool = False, operation: Any = None) -> Any:
    general = vars(Tracer)[name]
    checks = None if operation is None else _checked(operation)
    power = ufunc is np.power and not swap

    def method(self: Any, other: Any, *modulus: Any) -> Any:
        if modulus:
            return general(self, other, *modulus)
        kind = type(other)
        trace = self.cr_owner
        if kind in PYTHONS:
            if other.cr_owner.level > trace.level:
                trace = other.cr_owner
        elif kind is not float and kind is not int:
            if kind not in _OTHER_NUMBERS:
                if kind in TRACERS or isinstance(other, np.ndarray | np.generic):
                    if other.dtype.char not in "dD":
                        self, other = lowered((self, other))
                result = general(self, other)
                return as_python(result) if _is_derived(kind) else result
            if checks is None:
                return as_python(general(self, other))
        if checks is not None:
            value, plain = self.cr_value, 0j
            if type(value) is np.float64 and (kind is float or kind is int):
                with_value = (other, value.item()) if swap else (value.item(), other)
                try:
                    plain = operation(*with_value)
                except ArithmeticError:
                    plain = 0j
            if type(plain) is complex:
                return checks(general, self, other, swap)
        if power:
            result = trace.process(registry.op_named("power_of"), (self,), {"n": other})
        else:
            op = recorded(ufunc) or registry.find(ufunc)
            result = trace.process(op, (other, self) if swap else (self, other), _NO_PARAMS)
        if type(result) is _Float64:
            _set_class(result, _Float)
            return result
        return as_python(result)

    method.__name__ = name
    return method


def _is_derived(kind: type) -> bool:
    """Say whether a class of the program is derived of one of Python's numbers."""
    return issubclass(kind, float | int | complex) and not issubclass(kind, np.generic)


def _checked(operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Let Python compute first: it raises what the program may catch, or goes into the plane."""

    def checks(general: Any, self: Any, other: Any, swap: bool) -> Any:
        for a, b in _examples(self, other):
            try:
                plain = operation(b, a) if swap else operation(a, b)
            except ArithmeticError as error:
                if not self.cr_varies() and not (type(other) in TRACERS and other.cr_varies()):
                    searches.raised((a, b))
                    raise
                words = f"{operation.__name__}: {error}"
                raise tracers.stacked.not_for_all(words) from None
            if type(plain) is complex and self.dtype.kind == "f" and type(b) is not complex:
                searches.raised((a, b), "plane")
                self = call(np.add, (self.cr_snapshot(), 0j), {})
                other = numbered(other) + 0j if swap else other
                break
        return as_python(general(self, numbered(other)))

    return checks


def _examples(self: Any, other: Any) -> Any:
    """Return the plain operands, of a batch those of every example."""
    if not self.cr_varies() and not (type(other) in TRACERS and other.cr_varies()):
        return ((concrete(self).item(), concrete(other).item() if type(other) in TRACERS
                 else other),)  # fmt: skip
    a, b = (np.ravel(tracers.stacked.every(v)) for v in (self, other))
    a, b = np.broadcast_arrays(a, b)
    return zip(a.tolist(), b.tolist(), strict=True)


_EXACT = 2**53  # up to here a float holds every whole number


def _compared(name: str) -> Any:
    general = vars(Tracer)[name]

    def method(self: Any, other: Any) -> Any:
        if name not in ("__eq__", "__ne__") and _Complex in (type(self), type(other)):
            return NotImplemented
        if type(other) is complex and name not in ("__eq__", "__ne__"):
            return NotImplemented
        if type(other) is int and not -_EXACT <= other <= _EXACT:
            return tracers.operands.with_whole(name, self, other)
        result = general(self, other)
        if type(other) not in _PYTHON_OR_OURS:
            return result
        if type(result) in TRACERS:
            getattr(result.cr_owner, "truths", set()).add(result.cr_node)
            if type(result) is _Bool_:
                _set_class(result, _Bool)
        return result.item() if type(result) is np.bool_ else result

    method.__name__ = name
    return method


def _unary(name: str) -> Any:
    general = vars(Tracer)[name]
    return lambda self: as_python(general(self))


def _not_real(name: str) -> Any:
    def method(self: Any) -> Any:
        raise TypeError(f"a complex number has no {name}, as {type(self).__name__}")

    return method


def _copy(self: Any, memo: Any = None) -> Any:
    return as_python(self.cr_snapshot())


def _divmod(self: Any, other: Any) -> Any:
    return self // other, self % other


def _rdivmod(self: Any, other: Any) -> Any:
    return other // self, other % self


def _as_integer_ratio(self: Any) -> Any:
    return _bare(self, "as_integer_ratio").item().as_integer_ratio()


def _python_ops() -> dict[str, Any]:
    table: dict[str, tuple[Any, Any]] = {
        "add": (np.add, None), "sub": (np.subtract, None), "mul": (np.multiply, None),
        "truediv": (np.divide, operator.truediv), "floordiv": (np.floor_divide, operator.floordiv),
        "mod": (np.remainder, operator.mod), "pow": (np.power, operator.pow),
    }  # fmt: skip
    found: dict[str, Any] = {}
    for name, (ufunc, operation) in table.items():
        found[f"__{name}__"] = _binary(f"__{name}__", ufunc, False, operation)
        found[f"__r{name}__"] = _binary(f"__r{name}__", ufunc, True, operation)
    found |= {n: _unary(n) for n in ("__neg__", "__pos__", "__abs__", "conjugate")}
    found |= {n: _compared(n) for n in
              ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__")}  # fmt: skip
    for name in ("real", "imag"):
        part = vars(Tracer)[name].fget
        found[name] = property(lambda self, part=part: as_python(part(self)))
    return found | {
        "__divmod__": _divmod, "__rdivmod__": _rdivmod, "as_integer_ratio": _as_integer_ratio,
        "__hash__": Tracer.__hash__, "__copy__": _copy, "__deepcopy__": _copy,
    }  # fmt: skip


_PYTHONIC = _python_ops()


def _as_one(name: str) -> Any:
    """Compute with Python's True as with 1: NumPy's knows no minus, and adds up to True."""
    general = vars(Tracer)[name]

    def method(self: Any, *others: Any) -> Any:
        if any(type(v) not in (bool, _Bool) for v in others):  # with a number NumPy's is 1, too
            return general(self, *others)
        return general(_whole(self), *(_whole(v) if type(v) is _Bool else int(v) for v in others))

    method.__name__ = name
    return method


def _whole(truth: Any) -> Any:
    return call(np.astype, (truth, int), {"copy": True})


_TRUE_AS_ONE = {n: _as_one(n) for n in "__invert__ __neg__ __pos__ __abs__".split()} | {
    f"__{r}{n}__": _as_one(f"__{r}{n}__") for n in ("add", "sub", "mul", "pow", "floordiv", "mod")
    for r in ("", "r")
}  # fmt: skip


# --- members that only some plain classes have ------------------------------------------------


def _length(self: Any) -> int:
    return len(self.cr_value)


def _iterate(self: Any) -> Iterator[Any]:
    if self.ndim == 0:
        raise TypeError("iteration over a 0-d array")
    return (self[i] for i in range(len(self)))


def _getitem(self: Any, index: Any) -> Any:
    op = registry.op_named("getitem")
    assert op.bind is not None
    args, params = op.bind(self, index)
    if len(args) > 1:
        args = (self, *map(tracers.as_index, args[1:]))
    return tracers.apply(op, args, params)


def _read_flat(self: Any, index: Any) -> Any:
    got = _getitem(self, index)
    return got.copy() if isinstance(concrete(got), np.ndarray) else got


def flattened(x: Any) -> Any:
    """Return the array that NumPy makes of ``y.flat``, and anything else as it is."""
    if type(x) not in FLATS:
        return x
    y = call(np.reshape, (x.cr_base[0], (-1,)), {})
    if type(y) in TRACERS and getattr(y, "cr_base", None) is None:
        y.setflags(write=False)
    return y


def _setitem(self: Any, index: Any, value: Any) -> None:
    stores.store(self, index, value)


def _delitem(self: Any, index: Any) -> None:
    raise ValueError("cannot delete array elements")


def _contains(self: Any, value: Any) -> bool:
    return bool(np.any(self == value))


def _index(self: Any) -> int:
    self.cr_owner.observed(self)
    index = operator.index(self.cr_value if self.shape else self.cr_as_index())
    note("trunc", (self,), index)
    return index


def _round(self: Any, ndigits: int | None = None) -> Any:
    """Round to an integer, or to some digits: constants, as all rounding."""
    if self.cr_varies():
        rounded = call(np.round, (self, ndigits or 0), {})
        return rounded if ndigits is not None else rounded.astype(int)
    kind = float if type(self).cr_plain is float else _as_it_is
    result = self.cr_as(lambda value: round(kind(value), ndigits))
    note("round", (self,), result, params := {"decimals": ndigits or 0})
    if not running.rules:
        searches.compared("round", result, (self,), params)
    return result


def _as_it_is(value: Any) -> Any:
    return value


def _floor(self: Any) -> Any:
    return call(np.floor, (self,), {}).__int__()


def _ceil(self: Any) -> Any:
    return call(np.ceil, (self,), {}).__int__()


def _is_integer(self: Any) -> Any:
    """Say whether it is an integer: a comparison, so locally constant."""
    if self.cr_varies():
        return self == call(np.rint, (self,), {})
    return self.cr_as(lambda value: bool(value.is_integer()))


def _hex(self: Any) -> str:
    return float(_bare(self, "hex")).hex()


def _matmul(self: Any, other: Any) -> Any:
    return tracers.ufuncs.call(np.matmul, "__call__", (self, other), {})


def _rmatmul(self: Any, other: Any) -> Any:
    return tracers.ufuncs.call(np.matmul, "__call__", (other, self), {})


def _inplace(ufunc: Any, name: str) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        kind = foreign.class_of(concrete(self))
        if kind is not np.ndarray:
            if hasattr(kind, name):
                raise foreign.refuse_store(kind, f"{name}, a store")
            return tracers.ufuncs.call(ufunc, "__call__", (self, other), {})
        return tracers.ufuncs.call(ufunc, "__call__", (self, other), {"out": (self,)})

    return method


def _partition(self: Any, kth: Any, axis: int = -1, **kwargs: Any) -> None:
    """Partition in place."""
    self[...] = call(np.partition, (self, kth, axis), kwargs)


def _view(self: Any, dtype: Any = None, type: Any = None) -> Any:
    """Return a view of the same numbers; their bytes under another dtype are refused."""
    if self.cr_owner.past():
        kept.own(self)
        return known(self).view(*(v for v in (dtype, type) if v is not None))
    other = type not in (None, np.ndarray)
    if self.cr_owner is tracers.CONSTANT and getrefcount(self) <= _UNNAMED:
        return self.cr_value.view(*(v for v in (dtype, type) if v is not None))
    if dtype is np.ndarray:
        dtype = None
    if other or (dtype is not None and (_is_class(dtype) or np.dtype(dtype) != self.dtype)):
        raise lost(
            self,
            "a traced array was about to be viewed as something else",
            "the bytes of its numbers carry no derivative",
            "use x.real and x.imag of complex numbers, re + 1j * im to join them, and "
            "x.astype(dtype) to convert; where no derivative is meant, write "
            "chainrule.stop_gradient(x).view(…)",
        )
    return self[...] if self.shape else self


class _Probe:
    """Counts, as `_view` does, the references to a value that no name holds."""

    def count(self) -> int:
        return getrefcount(self)


_UNNAMED = _Probe().count()


def _is_class(dtype: Any) -> bool:
    return isinstance(dtype, type) and issubclass(dtype, np.ndarray)


def _base(self: Any) -> Any:
    """Return the array that this one is a view of, as NumPy does the one that owns the memory."""
    found = None
    base = getattr(self, "cr_base", None)
    while base is not None:
        found = base[0]
        base = getattr(found, "cr_base", None)
    return found


def _wrap(self: Any, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
    return array


_MEMBERS: dict[str, Any] = {
    "__len__": _length, "__iter__": _iterate, "__getitem__": _getitem, "__setitem__": _setitem,
    "__delitem__": _delitem, "__contains__": _contains, "__index__": _index, "__round__": _round,
    "__floor__": _floor, "__ceil__": _ceil, "__trunc__": lambda self: self.__int__(),
    "is_integer": _is_integer, "hex": _hex,
    "__matmul__": _matmul, "__rmatmul__": _rmatmul, "partition": _partition, "view": _view,
    "mT": property(lambda self: call(np.matrix_transpose, (self,), {})), "base": property(_base),
    "dot": tracers.as_method(np.dot), "argpartition": tracers.as_method(np.argpartition),
    "__array_wrap__": _wrap, "device": "cpu", "to_device": lambda self, device, **_: self,
    "__array_namespace__": lambda self, **_: np,
    **{f"__i{name}__": _inplace(ufunc, f"__i{name}__") for name, ufunc in {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "pow": np.power,
        "truediv": np.divide, "floordiv": np.floor_divide, "mod": np.remainder,
        "matmul": np.matmul, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
        "lshift": np.left_shift, "rshift": np.right_shift}.items()},
}  # fmt: skip


def _remaining(plain: type, name: str) -> Any:
    """Answer for a member that has no derivative: of a constant its own, else a loud error."""
    member = getattr(plain, name)
    if name in ("__array_interface__", "__array_struct__"):
        return _LEFT_OUT  # NumPy would take them in the place of `__array__`
    if name in _MEMORY:
        if not callable(member):
            return property(lambda self: _lend(name, self))
        return lambda self, *args, **kwargs: _lend(name, self, *args, **kwargs)
    if not callable(member):
        return property(lambda self: getattr(_bare(self, name), name))
    if isinstance(vars(plain).get(name), classmethod) or getattr(member, "__self__", None) is plain:
        return member
    return lambda self, *args, **kwargs: getattr(_bare(self, name), name)(*args, **kwargs)


_MEMORY = ("data", "ctypes", "__dlpack__", "__buffer__")


def _lend(name: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    """Return a member that holds on to the memory of an array, and see that it does."""
    if x.cr_owner.past():
        kept.own(x)
    member = getattr(_bare(x, name), name)
    result = member(*args, **kwargs) if name.startswith("__") else member
    del member
    if type(x.cr_value) is np.ndarray:
        keep_watch(x)
    return result


def _bare(x: Any, name: str) -> Any:
    """Return the plain value for what asks for its bytes or its memory."""
    if x.cr_is_constant():
        return x.cr_concrete()
    x.cr_owner.lose(
        lost(
            x,
            f"the {name} of a traced value was asked for",
            "bytes and memory carry no derivative",
            cures.cure(cures.BYTES),
        )
    )
    return x.cr_concrete()


_Float64, _Complex128 = (tracers.FACES[kind] for kind in (np.float64, np.complex128))
_Bool_ = tracers.FACES[np.bool_]
_Float, _Complex, _Bool = face_of(float), face_of(complex), face_of(bool)
tracers.FACES.update({
    _Float64: _Float64, _Complex128: _Complex128, _Float: _Float64, _Complex: _Complex128,
    _Bool_: _Bool_, _Bool: _Bool_,
})
PYTHONS = frozenset((_Float, _Complex))
FLATS = frozenset((tracers.FACES[np.flatiter], stores.stale(tracers.FACES[np.flatiter])))
_KNOWN = frozenset((np.ndarray, np.float64, _Float64, _Complex128, tracers.FACES[np.ndarray]))
_WEAK = {int: 0, float: 0.0, complex: 0j, _Float: 0.0, _Complex: 0j}
_OTHER_NUMBERS = frozenset((bool, complex))
_PYTHON_OR_OURS = frozenset((float, int, bool, complex, *PYTHONS))

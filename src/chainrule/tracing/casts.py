"""Conversions written as calls of a type: ``float(x)``, ``np.float64(x)``, ``complex(x)``.

CPython lets ``float(x)`` return nothing but a plain float, so user code meets a look-alike of the
type while its function is traced. It is a subclass that passes for the type itself in `isinstance`,
comparisons, dictionaries and as a dtype; it differs in one thing: of a traced number it makes a
traced number.
"""

import builtins
import copyreg
import inspect
import re
import sys
from types import GenericAlias, new_class
from typing import Any

import numpy as np

from ..core.registry import op_named
from . import faces, modules, texts
from . import tracer as tracers
from .alike import Alike, reduced
from .as_numbers import number
from .foreign import Foreign
from .losses import lost
from .running import running
from .watching import note

_own = type.__getattribute__
_OWN = {"original", "decide", "dtype", "__class_getitem__"}  # NumPy asks for the dtype


class LookAlike(type):
    """The metaclass of the look-alikes: what is asked by name, the type itself answers."""

    original: Any

    def __getattribute__(cls, name: str) -> Any:
        if name in _OWN:
            return _own(cls, name)
        original = _own(cls, "original")
        if name == "__signature__" and sys._getframe(1).f_globals is vars(inspect):
            return inspect.signature(original)  # else it would be that of the call here
        return getattr(original, name)

    def __new__(mcs, name: str, bases: Any, members: Any, **kwargs: Any) -> Any:
        if any(type(b) is mcs for b in bases):  # the program derives a class of the type
            bases = tuple(b.original if type(b) is mcs else b for b in bases)
            return new_class(name, bases, kwargs, lambda namespace: namespace.update(members))
        return type.__new__(mcs, name, bases, members)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if running.traces and kwargs and cls.original is builtins.complex:
            args, kwargs = _placed(*args, **kwargs)
        if args and running.traces:
            args = tuple(number(a, _kind(cls.original)) for a in args)
        if args and running.traces and any(type(a) in tracers.TRACERS for a in args):
            return _convert(cls.original, args)
        if (running.texts or running.figures) and args and isinstance(args[0], str | bytes):
            look = texts.read if issubclass(_own(cls, "original"), np.integer) else read_in
            look(args[0] if isinstance(args[0], str) else args[0].decode("latin-1"))
        return cls.original(*args, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, _own(cls, "original"))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _own(cls, "original"))

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is _own(cls, "original")

    def __hash__(cls) -> int:
        return hash(_own(cls, "original"))

    def __or__(cls, other: Any) -> Any:
        return _own(cls, "original") | other

    def __ror__(cls, other: Any) -> Any:
        return other | _own(cls, "original")

    def __dir__(cls) -> Any:
        return dir(_own(cls, "original"))

    def __repr__(cls) -> str:
        return repr(_own(cls, "original"))


_PROTOCOLS = {"__array_ufunc__", "__array_function__"}


# classes of the engine's, by whose those are that a program asks
STAND_INS: dict[type, type] = {texts.Text: str}


class _TypeLike(LookAlike):
    """The metaclass of what stands for `type`: a traced value is of the class that it shows.

    In the methods of NumPy's protocols it is of its own: they ask whether they know the class.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs:
            x = modules.hooks["original"](args[0])
            shown = type(x) in tracers.TRACERS and not _PROTOCOLS & set(
                sys._getframe(1).f_code.co_qualname.split(".")
            )
            kind = x.__class__ if shown else modules.hooks["original"](type(x))
            kind = STAND_INS.get(kind, kind)
            return modules.hooks["door"](kind)
        return type(*args, **kwargs)


class _IntLike(LookAlike):
    """The metaclass of what stands for `int`, which asks a traced value itself."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if (running.texts or running.figures) and args and isinstance(args[0], str | bytes):
            texts.read(args[0] if isinstance(args[0], str) else args[0].decode("latin-1"))
        return int(*args, **kwargs)


for _kind in (LookAlike, _TypeLike, _IntLike):
    copyreg.pickle(_kind, reduced)


def _look_alike(original: Any, meta: type[LookAlike] = LookAlike) -> Any:
    names = {"original": original, "__doc__": original.__doc__, "__module__": original.__module__}
    if not issubclass(original, np.generic):
        names["dtype"] = np.dtype(original)  # NumPy asks a class that it does not know
    return meta(original.__name__, (original,), names)


def read_in(text: str) -> None:
    """Refuse to read in what a traced number was printed as."""
    given, text = text, str.__str__(text)
    x = running.texts.get(text.strip(), _figure(text)) if running.traces else None
    if x is None:
        texts.read(given)
    else:
        if x.cr_varies():
            raise tracers.stacked.read_in()
        x.cr_owner.lose(
            lost(
                x,
                f"the text {text!r}, which a traced value was printed as, was about to be read in",
                "text carries no derivative",
                f"round the number itself, np.round(x, {_decimals(text)}); where no derivative is "
                "meant, print chainrule.stop_gradient(x)",
            )
        )


def _decimals(text: str) -> int:
    """Return to how many decimals a text is rounded."""
    found = _NUMBER.fullmatch(text)
    return len(found.group(3)) - int(found.group(4) or 0) if found else 3


def _figure(text: str) -> Any:
    """Return the traced number that a text may be of, rounded: within half of its last digit."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    whole, point, fraction, power = found.groups()
    number, digits = float(text), (whole + fraction).lstrip("0")
    half = 0.5000001 * 10.0 ** (int(power or 0) - len(fraction))
    needed = 2 if not (point or power) else 1 if len(digits) < _TELLING else 0
    for value, unknown, x in running.figures:
        if abs(value - number) <= half and unknown >= needed:
            return x
    return next((x for t, x in running.texts.items() if len(t) > _TELLING and t in text), None)


_NUMBER = re.compile(r"\s*[-+]?(\d*)(\.?)(\d*)(?:[eE]([-+]?\d+))?\s*")
_TELLING = 3  # digits: fewer of them are written by hand as well


def _convert(original: Any, args: Any) -> Any:
    """Convert a traced number; what the plain type refuses is refused with its own words."""
    plain = [tracers.concrete(a) for a in args]
    if original is builtins.float or original is builtins.complex:
        original(*map(_stand_in, plain))  # of several elements, or a complex number, it raises
    x = args[0]
    if len(args) == 2:
        return _complex(*args)
    dtype = np.dtype(original)
    if original is builtins.float or original is builtins.complex:
        x = tracers.call(np.reshape, (x, ()), {})[()]
        return faces.as_python(x if x.dtype == dtype else x.astype(dtype))
    x = faces.numbered(x)
    if x.dtype == dtype and x.shape == ():
        return x[()] if isinstance(tracers.concrete(x), np.ndarray) else x
    if dtype.kind in "biu":
        whole = original(tracers.known(x))
        if dtype.kind != "b":
            note("trunc", (x,), whole)
        return whole
    if x.size == 1 and issubclass(original, (float, complex)) and original not in _NUMPY:
        x = tracers.call(np.reshape, (x, ()), {})[()]
    return x if x.dtype == dtype else x.astype(dtype)


def _kind(original: type) -> str:
    if issubclass(original, complex | np.complexfloating):
        return "c"
    return "f" if issubclass(original, float | np.floating) else ""


def _placed(real: Any = 0, imag: Any = 0) -> tuple[tuple[Any, Any], dict[str, Any]]:
    return (real, imag), {}


def _complex(a: Any, b: Any) -> Any:
    """Return a + i·b as Python does, with the signs of zeros; either may be complex itself."""
    re, im = (v.real if _is_complex(v) else v for v in (a, b))
    if _is_complex(b):
        re = re - b.imag
    if _is_complex(a):
        im = im + a.imag
    return faces.as_python(tracers.call(op_named("complex_of"), (_double(re), _double(im)), {}))


def _double(part: Any) -> Any:
    if type(part) in tracers.TRACERS:
        return tracers.doubled(faces.numbered(part))
    return float(part)


def _is_complex(value: Any) -> bool:
    return np.result_type(value).kind == "c"


def _stand_in(value: Any) -> Any:
    """Return a plain array in the place of one of another library, which is not to be computed."""
    if type(value) is not Foreign:
        return value
    return np.broadcast_to(value.dtype.type(1), value.shape)[()]


_NUMPY = {
    getattr(np, name)
    for name in (
        "float16 float32 float64 longdouble complex64 complex128 clongdouble "
        "int8 int16 int32 int64 uint8 uint16 uint32 uint64 intp bool_"
    ).split()
}
_TYPE_MEMBERS = {
    "original": type, "__doc__": type.__doc__, "__module__": "builtins",
    "__class_getitem__": classmethod(lambda _, of: GenericAlias(type, of)),
}  # fmt: skip
BUILTIN: dict[str, Any] = {  # and what runs text, see `readers`
    "float": _look_alike(float),
    "complex": _look_alike(complex),
    "type": _TypeLike("type", (type,), _TYPE_MEMBERS),
    "id": Alike(lambda x: id(modules.hooks["original"](x)), id),
}
# in modules that take texts to pieces
OF_TEXTS: dict[str, Any] = {"int": _look_alike(int, _IntLike)}
TYPES: dict[Any, Any] = {t: _look_alike(t) for t in _NUMPY if t is not np.bool_}

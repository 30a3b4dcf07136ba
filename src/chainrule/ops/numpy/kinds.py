"""NumPy's functions through which nothing flows, and those that are refused, as data.

What has a rule stands in the registry. The rest stands here by name: `CONSTANT` says why nothing
can be lost, `REFUSED` why a traced value is refused and what to write instead. docs/coverage.md is
made of the three, and a test holds that every public function stands in one of them.
"""

import sys
from typing import Any

import numpy as np

from ...core.op import sample
from ...core.registry import composite, refuse
from .own_python import plain, traced

_PLAIN = "takes no array that could be traced"
CONSTANT: dict[str, tuple[str, str]] = {
    "shapes, dtypes and classes": (
        "a question that has the same answer at every value",
        "numpy: shape ndim size iscomplexobj isrealobj isscalar iterable isdtype issubdtype "
        "isfortran result_type can_cast common_type min_scalar_type promote_types mintypecode "
        "typename broadcast_shapes may_share_memory shares_memory finfo iinfo dtype ndindex "
        "einsum_path; numpy.polynomial: set_default_printstyle",
    ),
    "yes or no": (
        "piecewise constant in its arguments",
        "numpy: allclose array_equal array_equiv flatnonzero nonzero",
    ),
    "indices": (
        "whole numbers",
        "numpy: diag_indices diag_indices_from tril_indices tril_indices_from triu_indices "
        "triu_indices_from mask_indices indices unravel_index ravel_multi_index",
    ),
    "tables of plain numbers": (
        _PLAIN,
        "numpy: eye identity tri bartlett blackman hamming hanning; numpy.fft: fftfreq rfftfreq; "
        "numpy.polynomial.chebyshev: chebgauss chebpts1 chebpts2; numpy.polynomial.legendre: "
        "leggauss; numpy.polynomial.hermite: hermgauss; numpy.polynomial.hermite_e: hermegauss; "
        "numpy.polynomial.laguerre: laggauss",
    ),
    "text": (
        "text carries no derivative",
        "numpy: array2string array_repr array_str base_repr binary_repr format_float_positional "
        "format_float_scientific; numpy.polynomial.polyutils: format_float",
    ),
    "settings and help": (
        _PLAIN,
        "numpy: get_printoptions set_printoptions printoptions getbufsize setbufsize geterr "
        "seterr geterrcall seterrcall errstate show_config show_runtime get_include info test; "
        "numpy.linalg: test LinAlgError; numpy.fft: test; numpy.polynomial: test",
    ),
    "reading files and memory": (
        _PLAIN,
        "numpy: load loadtxt genfromtxt fromregex fromfile fromstring frombuffer from_dlpack "
        "memmap",
    ),
    "dates and bits": (
        "whole numbers, dates and bits",
        "numpy: busday_count busday_offset is_busday busdaycalendar datetime_as_string "
        "datetime_data datetime64 timedelta64 packbits unpackbits",
    ),
    "machinery": (
        "a class that NumPy's own functions make; no array goes in",
        "numpy: flatiter ufunc void record flexible character generic; "
        "numpy.polynomial.polynomial: ABCPolyBase; numpy.polynomial.chebyshev: ABCPolyBase; "
        "numpy.polynomial.legendre: ABCPolyBase; numpy.polynomial.hermite: ABCPolyBase; "
        "numpy.polynomial.hermite_e: ABCPolyBase; numpy.polynomial.laguerre: ABCPolyBase",
    ),
}

_FILE = "a file holds plain numbers, and the derivative would end there"
_STOP = "where only the numbers are meant, pass chainrule.stop_gradient(x)"
_ARRAY = "keep an ordinary array, np.atleast_2d(x), and write A @ B for A * B"
_MATRIX = "np.matrix is a class of plain arrays, which carry no derivative"
REFUSED: dict[str, tuple[str, str]] = {
    "numpy.save": (_FILE, f"{_STOP}: np.save(file, chainrule.stop_gradient(x))"),
    "numpy.savez": (_FILE, f"{_STOP}: np.savez(file, x=chainrule.stop_gradient(x))"),
    "numpy.savez_compressed": (
        _FILE, f"{_STOP}: np.savez_compressed(file, x=chainrule.stop_gradient(x))"
    ),
    "numpy.savetxt": (_FILE, f"{_STOP}: np.savetxt(file, chainrule.stop_gradient(x))"),
    "numpy.matrix": (_MATRIX, _ARRAY),
    "numpy.asmatrix": (_MATRIX, _ARRAY),
    "numpy.bmat": (_MATRIX, "write np.block([[A, B], [C, D]]), which gives an ordinary array"),
    "numpy.nested_iters": (
        "its elements are views of plain memory, which carry no derivative",
        "loop over np.ndindex(x.shape)",
    ),
    **dict.fromkeys(
        ("numpy.recarray", "numpy.rec.array", "numpy.rec.fromarrays", "numpy.rec.fromrecords"),
        (
            "the fields of a record array are plain memory",
            "keep the fields as separate arrays, in a dict or a dataclass",
        ),
    ),
}  # fmt: skip


def entries() -> dict[str, tuple[str, str]]:
    """Return the group and the reason of every constant function, by its full name."""
    found = {}
    for group, (reason, names) in CONSTANT.items():
        for part in names.split(";"):
            module, members = part.split(": ")
            for name in members.split():
                found[f"{module.strip()}.{name}"] = group, reason
    return found


def named(name: str) -> Any:
    """Return what a full name stands for, or None where this NumPy has it not."""
    module, _, member = name.rpartition(".")
    return getattr(sys.modules.get(module, sys.modules.get(_LATE.get(module, ""))), member, None)


_LATE = {"numpy.rec": "numpy._core.records"}  # loaded when first named, and whose functions it has


for _name, (_why, _cure) in REFUSED.items():
    if named(_name) is not None:
        refuse(named(_name), _why, _cure)


# --- constants that need a body: the question is put to the plain values ----------------------


@composite(np.min_scalar_type)
def min_scalar_type(a: Any, /) -> Any:
    """Return the smallest dtype that holds the value."""
    return np.min_scalar_type(plain(a))


@composite(np.einsum_path)
def einsum_path(*operands: Any, **kwargs: Any) -> Any:
    """Return an order of contraction: a question about shapes."""
    return np.einsum_path(*plain(operands), **kwargs)


@composite(np.flatnonzero, sample((3,)), sample((2, 2)))
def flatnonzero(a: Any) -> Any:
    """Return where the elements are not 0, counted in the flat array."""
    return np.nonzero(np.ravel(a))[0]


@composite(np.allclose, sample((3,), (3,)))
def allclose(
    a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False
) -> bool:
    """Say whether all elements are near each other."""
    return bool(np.all(np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)))


@composite(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> Any:
    """Turn numbers of elements into indices."""
    return np.unravel_index(plain(indices), shape, order)


@composite(np.ravel_multi_index)
def ravel_multi_index(
    multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C"
) -> Any:
    """Turn indices into numbers of elements."""
    return np.ravel_multi_index(plain(tuple(multi_index)), dims, mode, order)


def _to_plain(function: Any) -> None:
    composite(function)(lambda *args, **kwargs: function(*plain(args), **kwargs))


def _to_text(function: Any) -> None:
    def write(x: Any, *args: Any, **kwargs: Any) -> str:
        text = function(plain(x), *plain(args), **kwargs)
        return x.cr_printed(text) if traced(x) and hasattr(x, "cr_printed") else text

    composite(function)(write)


for _function in (
    np.array2string, np.array_repr, np.array_str, np.format_float_positional,
    np.format_float_scientific,
):  # fmt: skip
    _to_text(_function)
for _function in (
    np.packbits, np.unpackbits, np.is_busday, np.busday_count,
    np.busday_offset, np.datetime_as_string,
):  # fmt: skip
    _to_plain(_function)


class Broadcast:
    """What `np.broadcast` says of traced arrays: shapes, and their elements side by side."""

    def __init__(self, *args: Any) -> None:
        self.shape = np.broadcast_shapes(*(np.shape(a) for a in args))
        self.ndim = self.nd = len(self.shape)
        self.size = int(np.prod(self.shape, dtype=int))
        self.numiter = len(args)
        self.iters = tuple(np.broadcast_to(a, self.shape).flat for a in args)

    def __iter__(self) -> Any:
        return zip(*self.iters, strict=True)


composite(np.broadcast, name="broadcast")(Broadcast)

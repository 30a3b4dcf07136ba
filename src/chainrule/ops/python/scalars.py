"""Python's `math` and `cmath` on traced numbers: NumPy's functions, a number at a time."""

import cmath
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ...core.registry import composite
from ..declare import as_array
from ..numpy.complexes import complex_of, in_plane
from ..scaled import scaled

_SAME_NAME = (
    "sin cos tan sinh cosh tanh exp exp2 expm1 log1p log2 log10 sqrt cbrt fabs degrees radians"
)
_NAMES = dict.fromkeys(_SAME_NAME.split()) | {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "atan2": "arctan2", "copysign": "copysign", "fmod": "fmod", "pow": "power",
    "isnan": "isnan", "isinf": "isinf", "isfinite": "isfinite",
}  # fmt: skip
_COMPLEX = (
    "sin cos tan sinh cosh tanh exp log10 sqrt asin acos atan asinh acosh atanh isnan isinf "
    "isfinite"
)


def _as_ufunc(name: str, function: Any) -> None:
    """Let `math.name` of a traced number be NumPy's function."""

    @composite(getattr(math, name), name=f"math.{name}")
    def body(*xs: Any) -> Any:
        return function(*xs)


for _name, _other in _NAMES.items():
    _as_ufunc(_name, getattr(np, _other or _name))


def _in_plane(name: str) -> None:
    """Let `cmath.name` of a traced number be NumPy's function of a complex one."""
    function = getattr(np, _NAMES.get(name) or name)

    @composite(getattr(cmath, name), name=f"cmath.{name}")
    def body(z: Any) -> Any:
        return function(in_plane(z))


for _name in _COMPLEX.split():
    _in_plane(_name)


@composite(math.log, name="math.log")
def log(x: Any, base: Any = None) -> Any:
    """Compute the logarithm, of any base."""
    return np.log(x) if base is None else np.log(x) / np.log(base)


@composite(cmath.log, name="cmath.log")
def complex_log(z: Any, base: Any = None) -> Any:
    """Compute the complex logarithm, of any base."""
    w = np.log(in_plane(z))
    return w if base is None else w / np.log(in_plane(base))


@composite(cmath.phase)
def phase(z: Any) -> Any:
    """Compute the argument of a complex number."""
    return np.angle(in_plane(z))


@composite(cmath.polar)
def polar(z: Any) -> Any:
    """Return (r, φ)."""
    return np.abs(z), np.angle(in_plane(z))


@composite(cmath.rect)
def rect(r: Any, phi: Any) -> Any:
    """Return r·(cos φ + i sin φ)."""
    return complex_of(r * np.cos(phi), r * np.sin(phi))


def _numbers(values: Iterable[Any]) -> Any:
    """Return the array of some numbers."""
    parts = [as_array(v) for v in values]
    return np.stack(parts) if parts else np.zeros(0)


@composite(math.fsum, name="math.fsum", always=True)
def fsum(seq: Iterable[Any]) -> Any:
    """Sum; the derivative of a sum is that of its terms, however exactly it is summed."""
    return np.sum(_numbers(seq))


@composite(math.prod, name="math.prod", always=True)
def prod(iterable: Iterable[Any], *, start: Any = 1) -> Any:
    """Multiply, from the left."""
    result = start
    for v in iterable:
        result = result * v
    return result


@composite(math.hypot, name="math.hypot")
def hypot(*coordinates: Any) -> Any:
    """Compute the Euclidean length; its gradient at the origin is 0."""
    return _length(coordinates)


@composite(math.dist, name="math.dist")
def dist(p: Iterable[Any], q: Iterable[Any]) -> Any:
    """Compute the Euclidean distance; its gradient at equal points is 0."""
    p, q = _numbers(p), _numbers(q)
    if p.shape != q.shape:
        raise ValueError("both points must have the same number of dimensions")
    return _length(p - q)


def _length(parts: Any) -> Any:
    """Return the length, of which no square leaves the range of numbers where it does not."""
    if len(parts) == 2:
        return np.hypot(*parts)
    return scaled(np.linalg.norm, 1, _numbers(parts))


@composite(math.modf, name="math.modf")
def modf(x: Any) -> Any:
    """Return the fraction, which carries the derivative, and the integer part, a constant."""
    whole = np.trunc(x)
    return x - whole, whole


@composite(math.frexp, name="math.frexp")
def frexp(x: Any) -> Any:
    """Return mantissa and exponent; the exponent is locally constant."""
    mantissa, exponent = np.frexp(x)
    return mantissa, int(exponent) if np.ndim(exponent) == 0 else exponent


@composite(math.ldexp, name="math.ldexp")
def ldexp(x: Any, i: int) -> Any:
    """Compute x·2ⁱ."""
    return x * 2.0**i


@composite(math.remainder, name="math.remainder")
def remainder(x: Any, y: Any) -> Any:
    """Compute x − n·y with n the integer nearest to x/y (ties to even)."""
    return x - np.rint(x / y) * y


@composite(math.isclose, name="math.isclose")
def isclose(a: Any, b: Any, *, rel_tol: float = 1e-9, abs_tol: float = 0.0) -> bool:
    """Compare; a comparison is locally constant."""
    return bool(abs(a - b) <= max(rel_tol * max(abs(a), abs(b)), abs_tol))


def _special(name: str, other: str) -> None:
    @composite(getattr(math, name), name=f"math.{name}")
    def body(x: Any) -> Any:
        from scipy import special

        return getattr(special, other)(x)


for _name, _other in (("erf", "erf"), ("erfc", "erfc"), ("gamma", "gamma"), ("lgamma", "gammaln")):
    _special(_name, _other)

_LATER: dict[str, Callable[..., Any]] = {
    "fma": lambda x, y, z: x * y + z,
    "sumprod": lambda p, q: np.sum(_numbers(p) * _numbers(q)),
}
for _name, _body in _LATER.items():
    if hasattr(math, _name):
        composite(getattr(math, _name), name=f"math.{_name}")(_body)

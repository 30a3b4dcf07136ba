"""NumPy's polynomial functions: made of products, convolution, least squares and eigenvalues."""

from typing import Any

import numpy as np

from ..core.op import Const, sample
from ..core.registry import composite
from ..errors import UnsupportedFunctionError
from .declare import as_array


def _coefficients(p: Any) -> Any:
    """Return the coefficients without leading zeros, as `np.poly1d` keeps them."""
    p = np.atleast_1d(as_array(p))
    if p.ndim > 1:
        raise ValueError("Polynomial must be 1d only.")
    p = np.trim_zeros(p, trim="f")
    return p if p.shape[0] else np.zeros(1, p.dtype)


@composite(np.polyval, sample((3,), (4,)), sample((3,), ()), sample((1,), (2,)))
def polyval(p: Any, x: Any) -> Any:
    """Evaluate a polynomial, by Horner's scheme."""
    p, x = as_array(p), as_array(x)
    y: Any = np.zeros(x.shape, x.dtype)
    for k in range(p.shape[0]):
        y = y * x + p[k]
    return y


@composite(np.polyadd, sample((3,), (2,)), sample((2,), (2,)))
def polyadd(a1: Any, a2: Any) -> Any:
    """Add polynomials."""
    return _aligned(a1, a2, np.add)


@composite(np.polysub, sample((3,), (2,)), sample((2,), (3,)))
def polysub(a1: Any, a2: Any) -> Any:
    """Subtract polynomials."""
    return _aligned(a1, a2, np.subtract)


def _aligned(a1: Any, a2: Any, combine: Any) -> Any:
    a, b = np.atleast_1d(as_array(a1)), np.atleast_1d(as_array(a2))
    n = max(a.shape[0], b.shape[0])
    a, b = (np.concatenate((np.zeros(n - p.shape[0], p.dtype), p)) for p in (a, b))
    return combine(a, b)


@composite(np.polymul, sample((3,), (2,)), sample((2,), (3,)))
def polymul(a1: Any, a2: Any) -> Any:
    """Multiply polynomials: a convolution of the coefficients."""
    return np.convolve(_coefficients(a1), _coefficients(a2))


@composite(np.polyder, sample((4,)), sample((4,), 2), sample((1,)))
def polyder(p: Any, m: int = 1) -> Any:
    """Differentiate a polynomial."""
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = as_array(p)
    for _ in range(int(m)):
        p = p[:-1] * np.arange(p.shape[0] - 1, 0, -1)
    return p


@composite(np.polyint, sample((3,)), sample((3,), 2), sample((3,), k=Const([1.0])))
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """Integrate a polynomial, with the constants `k`."""
    m = int(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    k = np.zeros(m) if k is None else np.atleast_1d(as_array(k))
    if k.shape[0] == 1 and m > 1:
        k = k[0] * np.ones(m)
    if k.shape[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    p = as_array(p)
    for i in range(m):
        p = np.concatenate((p / np.arange(p.shape[0], 0, -1), k[i : i + 1]))
    return p


@composite(
    np.polyfit, sample(Const(np.arange(5.0)), (5,), Const(2)), sample((5,), (5,), Const(1)),
    sample(Const(np.arange(4.0)), (4, 2), Const(1)),
    sample(Const(np.arange(4.0)), (4,), Const(1), w=Const(np.array([1.0, 2.0, 1.0, 0.5]))),
)  # fmt: skip
def polyfit(
    x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """Fit a polynomial by least squares."""
    if full or cov:
        raise UnsupportedFunctionError(
            "np.polyfit(full=True) or with cov received a traced value",
            why="only the coefficients have a rule here",
            cure="compute the residuals from the coefficients: y - np.polyval(p, x)",
        )
    x, y = as_array(x) + 0.0, as_array(y) + 0.0
    if x.ndim != 1 or x.shape[0] == 0 or y.shape[:1] != x.shape or y.ndim > 2:
        raise TypeError("expected a vector x, and y of the same length")
    rcond = x.shape[0] * float(np.finfo(x.dtype).eps) if rcond is None else rcond
    left = np.vander(x, int(deg) + 1)
    if w is not None:
        w = as_array(w) + 0.0
        left = left * w[:, None]
        y = y * (w[:, None] if y.ndim == 2 else w)
    scale = np.sqrt(np.sum(left * left, axis=0))
    c = np.linalg.lstsq(left / scale, y, rcond)[0]
    return np.transpose(np.transpose(c) / scale)


@composite(np.poly, sample((3,)), sample((1,)))
def poly(seq_of_zeros: Any) -> Any:
    """Return the polynomial with the given roots, or the characteristic one of a matrix."""
    zeros = np.atleast_1d(as_array(seq_of_zeros))
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1]:
        zeros = np.linalg.eigvals(zeros)
    elif zeros.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if zeros.shape[0] == 0:
        return 1.0
    a: Any = np.ones(1, zeros.dtype)
    for i in range(zeros.shape[0]):
        a = np.convolve(a, np.stack([np.ones((), zeros.dtype), -zeros[i]]))
    if a.dtype.kind == "c":
        plain = np.sort(np.asarray(_held(zeros)))
        if np.all(plain == np.sort(plain.conjugate())):
            return np.real(a)
    return a


def _held(x: Any) -> Any:
    while hasattr(x, "owner"):
        x = x.value
    return x


@composite(np.roots, sample((4,)), sample((3,)), sample((1,)))
def roots(p: Any) -> Any:
    """Return the roots of a polynomial: the eigenvalues of its companion matrix."""
    p = np.atleast_1d(as_array(p))
    if p.ndim != 1:
        raise ValueError("Input must be a rank-1 array.")
    places = np.asarray(np.argwhere(np.ravel(p)))[:, 0]
    if places.size == 0:
        return np.array([])
    trailing = p.shape[0] - int(places[-1]) - 1
    p = p[int(places[0]) : int(places[-1]) + 1]
    n = p.shape[0]
    if n < 2:
        return np.zeros(trailing)
    top = -p[1:] / p[0]
    found = np.linalg.eigvals(np.concatenate((top[None, :], np.eye(n - 2, n - 1, dtype=p.dtype))))
    if p.dtype.kind != found.dtype.kind and not np.any(np.imag(found)):  # complex from NumPy 2.5 on
        found = np.real(found)
    return np.concatenate((found, np.zeros(trailing, found.dtype)))

"""NumPy's polynomial functions: products, convolution, least squares, and roots by their equation.

NumPy drops highest coefficients that are exactly zero. Where it would drop a traced one, the length
of the result jumps and the derivative with respect to it would be lost: that is refused.
"""

import warnings
from types import FunctionType
from typing import Any

import numpy as np

from ...core.op import Const, Notation, Op, sample
from ...core.registry import add, composite
from ...core.slots import INDEX, Jvp
from ...errors import LostDerivativeError
from ..declare import as_array
from .own_python import carries, plain


def shortened(
    name: str, library: str = "NumPy", keeping: str = "polyval, chebval, Polynomial(c)(x)"
) -> LostDerivativeError:
    """Build the error for a polynomial that a library would shorten by a traced coefficient."""
    return LostDerivativeError(
        f"{name} met a traced highest coefficient that is exactly zero",
        why=f"{library} drops it, so the length of the result jumps there, and the derivative with "
        "respect to it would silently be zero",
        cure="leave the coefficient out, or start from a small number instead of 0; evaluating a "
        f"series ({keeping}) keeps every coefficient",
    )


def _coefficients(p: Any, name: str) -> Any:
    """Return the coefficients without leading zeros, as `np.poly1d` keeps them."""
    p = np.atleast_1d(as_array(p))
    if p.ndim > 1:
        raise ValueError("Polynomial must be 1d only.")
    if p.shape[0] == 1:
        return p
    if p.shape[0] and carries(p) and np.equal(p[0], 0):
        raise shortened(name)
    p = np.trim_zeros(p, trim="f")
    return p if p.shape[0] else np.zeros(1, p.dtype)


@composite(np.polyval, sample((3,), (4,)), sample((3,), ()), sample((1,), (2,)))
def polyval(p: Any, x: Any) -> Any:
    """Evaluate a polynomial, by Horner's scheme."""
    p = p.coeffs if isinstance(p, np.poly1d) else as_array(p)
    if isinstance(x, np.poly1d):
        return _composed(p, x)
    x = as_array(x)
    y: Any = np.zeros(x.shape, x.dtype)
    for k in range(p.shape[0]):
        y = y * x + p[k]
    return y


def _composed(p: Any, x: Any) -> Any:
    """Put one polynomial into another: its first product would be with 0, which NumPy drops."""
    y: Any = np.poly1d(p[:1]) if p.shape[0] else 0
    for k in range(1, p.shape[0]):
        y = y * x + p[k]
    return y


@composite(np.poly1d.__call__, name="poly1d.__call__", always=True)
def evaluate(self: Any, val: Any) -> Any:
    """Evaluate a polynomial, also at another one."""
    inside = isinstance(val, np.poly1d | list | tuple)  # where NumPy's dispatch does not look
    return (polyval if inside else np.polyval)(self.coeffs, val)


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
    return np.convolve(_coefficients(a1, "np.polymul"), _coefficients(a2, "np.polymul"))


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
    sample(Const(np.arange(5.0)), (5,), Const(1), full=True),
    sample(Const(np.arange(5.0)), (5,), Const(1), cov=True),
    sample(Const(np.arange(5.0)), (5, 2), Const(1), cov=True),
    sample((5,), Const(np.arange(5.0)), Const(1), cov="unscaled"),
)  # fmt: skip
def polyfit(
    x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """Fit a polynomial by least squares."""
    x, y = as_array(x) + 0.0, as_array(y) + 0.0
    if x.ndim != 1 or x.shape[0] == 0 or y.shape[:1] != x.shape or y.ndim > 2:
        raise TypeError("expected a vector x, and y of the same length")
    rcond = x.shape[0] * np.float64(np.finfo(x.dtype).eps) if rcond is None else rcond
    left = np.vander(x, int(deg) + 1)
    if w is not None:
        w = as_array(w) + 0.0
        left = left * w[:, None]
        y = y * (w[:, None] if y.ndim == 2 else w)
    scale = np.sqrt(np.sum(left * left, axis=0))
    left = left / scale
    c, residuals, rank, s = np.linalg.lstsq(left, y, rcond)
    c = np.transpose(np.transpose(c) / scale)
    if full:
        return c, residuals, rank, s, rcond
    if rank != left.shape[1]:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    return (c, _covariance(left, scale, residuals, cov, y.ndim)) if cov else c


def _covariance(left: Any, scale: Any, residuals: Any, cov: Any, ndim: int) -> Any:
    """Return the covariance of the coefficients, by default scaled by the residuals."""
    base = np.linalg.inv(np.dot(np.transpose(left), left)) / np.outer(scale, scale)
    factor: Any = 1
    if cov != "unscaled":
        if left.shape[0] <= left.shape[1]:
            raise ValueError(
                "the number of data points must exceed order to scale the covariance matrix"
            )
        factor = residuals / (left.shape[0] - left.shape[1])
    return base * factor if ndim == 1 else base[:, :, None] * factor


def _of_adjugate(t: Any, y: Any, a: Any) -> Any:
    """Return dp = −tr(adj(zI − A) dA), whose coefficients are B₀ = I, Bₖ = A·Bₖ₋₁ + cₖ·I.

    Unlike eigenvalues the coefficients are polynomials in the entries, also where those coincide.
    """
    identity = np.eye(a.shape[0], dtype=a.dtype)
    found, b = [np.zeros_like(t[0, 0])], identity
    for k in range(1, a.shape[0] + 1):
        found.append(-np.sum(np.transpose(b) * t))
        b = np.matmul(a, b) + y[k] * identity
    return np.stack(found)


characteristic = Op(
    "characteristic", lambda a: np.poly(a).astype(a.dtype), (Jvp(_of_adjugate),), complex=True,
    batch="loop", samples=(sample((3, 3)), sample((2, 2)), sample((1, 1))),
    notation=Notation(
        "det(z·I − {0})", "\\det(zI - {0})", rule="d det(z·I − A) = −tr(adj(z·I − A) dA)"
    ),
)  # fmt: skip
add(characteristic)


@composite(np.poly, sample((3,)), sample((1,)), sample((3, 3)))
def poly(seq_of_zeros: Any) -> Any:
    """Return the polynomial with the given roots, or the characteristic one of a matrix."""
    zeros = np.atleast_1d(as_array(seq_of_zeros))
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1]:
        if zeros.shape[0]:
            a = characteristic(zeros if zeros.dtype.kind in "fc" else zeros.astype(float))
            return a if np.iscomplexobj(np.poly(plain(zeros))) else np.real(a)
    elif zeros.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if zeros.shape[0] == 0:
        return 1.0
    a: Any = np.ones(1, zeros.dtype)
    for i in range(zeros.shape[0]):
        a = np.convolve(a, np.stack([np.ones((), zeros.dtype), -zeros[i]]))
    if a.dtype.kind == "c":
        held = np.sort(plain(zeros))
        if np.all(held == np.sort(held.conjugate())):
            return np.real(a)
    return a


# --- roots ------------------------------------------------------------------------------------


def _apart(y: Any, p: Any) -> Any:
    """Return 1 for the roots that rounding leaves simple, NaN for those that it does not.

    A root is known to eps·Σ|pₖ xᵏ|/|p′(x)|, its condition. Roots that fall together are pulled
    apart by as much, and their differences, which the derivative divides by, are that error.
    """
    gaps = np.abs(y[:, None] - y[None, :])
    np.fill_diagonal(gaps, np.inf)
    near = np.min(gaps, axis=-1, initial=np.inf)
    np.fill_diagonal(gaps, abs(p[p.size - 1 - y.size]))
    eps = np.finfo(y.dtype).eps
    error = eps * np.polyval(np.abs(p), np.abs(y))
    with np.errstate(all="ignore"):
        return np.where(error < eps**0.25 * near * np.prod(gaps, axis=-1), 1.0, np.nan).astype(
            y.real.dtype
        )


apart = Op(
    "apart", _apart, (INDEX, INDEX), complex=True, batch="loop",
    notation=Notation(rule="nothing flows"),
)  # fmt: skip
add(apart)


def _roots_jvp(t: Any, y: Any, p: Any, count: int) -> Any:
    """Return dx = −dp(x)/p′(x): what keeps p(x) = 0, at a simple root.

    p′ is the product of the differences of the roots: then the derivatives of what is symmetric in
    them (sums, products) are as good as the coefficients, however close the roots are.
    """
    others = y[:, None] - y[None, :]
    others = np.where(np.eye(count, dtype=bool), p[p.shape[0] - 1 - count], others)
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.polyval(t, y) / np.prod(others, axis=-1) * apart(y, p)


roots_op = Op(
    "roots",
    lambda p, count: np.roots(p),
    (Jvp(_roots_jvp),),
    complex=True,
    batch="loop",
    notation=Notation("roots({0})", "\\operatorname{{roots}}({0})", rule="dx = −dp(x)/p′(x)"),
)
add(roots_op)


@composite(np.roots, sample((4,)), sample((3,)), sample((1,)))
def roots(p: Any) -> Any:
    """Return the roots of a polynomial.

    A highest coefficient that is zero makes a root fewer; the others follow it all the same. A
    repeated root has no derivative; what has one there (the sum of the roots, their product) is
    differentiated as the limit from around the point, with a warning.
    """
    p = np.atleast_1d(as_array(p))
    if p.ndim != 1:
        raise ValueError("Input must be a rank-1 array.")
    places = np.flatnonzero(plain(np.not_equal(p, 0)))
    if places.size == 0 or places[0] == p.shape[0] - 1:
        return np.array([])
    return roots_op(p if p.dtype.kind in "fc" else p.astype(float), count=p.size - 1 - places[0])


# --- quotients, and the class ------------------------------------------------------------------


@composite(
    np.polydiv, sample((4,), (2,)), sample((4,), (1,)), sample((2,), (3,)), sample((5,), (3,)),
    domain=((-2.0, 2.0), (0.5, 1.5)),
)  # fmt: skip
def polydiv(u: Any, v: Any) -> Any:
    """Divide polynomials, by elimination; return the quotient and the remainder.

    Errors: where the remainder's own highest coefficient is (nearly) zero, NumPy drops it, and
    the call is refused.
    """
    u, v = np.atleast_1d(as_array(u)) + 0.0, np.atleast_1d(as_array(v)) + 0.0
    w, m, n = u[0] + v[0], u.shape[0] - 1, v.shape[0] - 1
    scale, q = 1.0 / v[0], []
    r = np.zeros_like(w, shape=u.shape)
    r[...] = u
    for k in range(m - n + 1):
        q.append(scale * r[k])
        r[k : k + n + 1] -= q[k] * v
    start = 0
    while start < m and np.allclose(r[start], 0, rtol=1e-14):
        if start > m - n:
            raise shortened("np.polydiv, in its remainder,")
        start += 1
    return np.stack(q) if q else np.zeros(1, w.dtype), r[start:]


_own_init = FunctionType(
    np.poly1d.__init__.__code__, np.poly1d.__init__.__globals__, "__init__",
    np.poly1d.__init__.__defaults__,
)  # fmt: skip


@composite(np.poly1d.__init__, name="poly1d")
def poly1d(self: Any, c_or_r: Any, r: bool = False, variable: Any = None) -> None:
    """Make a polynomial of coefficients or roots, where its highest coefficient is not zero."""
    if not r and not isinstance(c_or_r, np.poly1d):
        c_or_r = np.atleast_1d(as_array(c_or_r))
        if c_or_r.ndim == 1:
            _coefficients(c_or_r, "np.poly1d")
    single = not r and not isinstance(c_or_r, np.poly1d) and np.shape(c_or_r) == (1,)
    _own_init(self, np.ones(1) if single else c_or_r, r, variable)
    if single:
        self._coeffs = c_or_r  # NumPy writes a new 0 in the place of one that is 0

"""Functions of matrices, and the matrix equations of Sylvester, Lyapunov and Riccati.

The derivative of f(A) along E is the Fréchet derivative L(A; E), the upper right block of
f([[A, E], [0, A]]). Its own derivative in A is a Fréchet derivative with one direction more, and
D(A; E₁, …, Eₖ), symmetric and linear in the directions, is closed under differentiation. The
transpose in one direction is D(Aᵀ; ȳ, E₂ᵀ, …, Eₖᵀ).

References: N. J. Higham, Functions of Matrices (2008), chapter 3; N. J. Higham and S. D. Relton,
Higher order Fréchet derivatives of matrix functions, SIAM J. Matrix Anal. Appl. 35 (2014).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg

from ....core.op import Const, Notation, Op, sample
from ....core.registry import add, composite, declare
from ....core.settings import Silence
from ....core.slots import INDEX, Jvp, Linear
from ...declare import as_array
from ...numpy.decompositions import positive_definite
from ...numpy.gaps import trusted
from ...numpy.linalg import adjoint, well_conditioned
from ..common import over_batch, own_stream, reader, refusal, refused

HIGHAM = "N. J. Higham and S. D. Relton, Higher order Fréchet derivatives (2014)"


def _power(a: Any, p: float) -> Any:
    return linalg.fractional_matrix_power(a, p)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "expm": linalg.expm, "logm": linalg.logm, "cosm": linalg.cosm, "sinm": linalg.sinm,
    "tanm": linalg.tanm, "coshm": linalg.coshm, "sinhm": linalg.sinhm, "tanhm": linalg.tanhm,
    "power": _power,
}  # fmt: skip

# --- Fréchet derivatives --------------------------------------------------------------------------


def _scaled(e: Any) -> tuple[Any, Any]:
    """Split a direction into one of moderate size and its scale, zero and infinity included."""
    top = np.max(np.abs(e), axis=(-2, -1), keepdims=True, initial=0)
    scale = np.where((top > 0) & np.isfinite(top), top, 1)
    return e / scale, scale


def _block(a: Any, e: Any) -> Any:
    """Return [[A, E], [0, A]]."""
    zero = np.zeros_like(a)
    upper, lower = np.concatenate([a, e], axis=-1), np.concatenate([zero, a], axis=-1)
    return np.concatenate([upper, lower], axis=-2)


_WIDE = 64  # from this side on the zeros of the block cost more than SciPy's own `expm_frechet`


def _frechet(a: Any, *es: Any, kind: str, args: tuple[Any, ...]) -> Any:
    n, count = a.shape[-1], 1
    shape = np.broadcast_shapes(a.shape, *(e.shape for e in es))
    dtype = np.result_type(a, *es)
    whole, scale = np.broadcast_to(a, shape).astype(dtype), np.ones((1, 1), a.real.dtype)
    for e in es:
        e, factor = _scaled(np.broadcast_to(e, shape).astype(dtype))
        scale = scale * factor
        rows = np.zeros((*shape[:-2], count, n, count, n), dtype)
        for k in range(count):
            rows[..., k, :, k, :] = e
        rows = rows.reshape(*shape[:-2], count * n, count * n)
        count *= 2
        last = len(shape) == 2 and count == 2 ** len(es) and dtype.char in "dD"
        if last and kind == "expm" and count * n >= _WIDE:
            found = linalg.expm_frechet(whole, rows, compute_expm=False, check_finite=False)
            return (found[:n, (count // 2 - 1) * n :] * scale).astype(found.dtype)
        whole = _block(whole, rows)
    with Silence(), own_stream():
        found = _FUNCTIONS[kind](whole, *args)
    if kind == "logm" or (kind == "power" and args[0] % 1):
        found = found + _off_the_cut(a)
    if kind == "power" and args[0] % 1:
        found = found + _of_full_rank(a)
    return (found[..., :n, (count - 1) * n :] * scale).astype(found.dtype)


def _off_the_cut(a: Any) -> Any:
    """Return 0, or NaN for complex matrices of which an eigenvalue is negative, up to rounding.

    Rounding then decides on which side of the cut it is, in the matrix and in its blocks apart.
    """
    if a.dtype.kind != "c":
        return 0.0
    w = np.linalg.eigvals(a)
    noise = trusted(np.finfo(w.dtype).eps, 1) * np.max(np.abs(w), axis=-1, keepdims=True, initial=0)
    cut = np.any((w.real < 0) & (np.abs(w.imag) <= noise), axis=-1)
    return np.where(cut, np.nan, 0.0).astype(w.real.dtype)[..., None, None]


def _of_full_rank(a: Any) -> Any:
    """Return 0, or NaN for matrices without an inverse: the block of one has no fractional power.

    SciPy leaves the fraction of the power out there, without a word.
    """
    s = np.linalg.svd(a, compute_uv=False)
    least = s.shape[-1] * np.finfo(s.dtype).eps * np.max(s, axis=-1, keepdims=True, initial=0)
    lacks = np.any(s <= least, axis=-1)
    return np.where(lacks, np.nan, 0.0).astype(s.dtype)[..., None, None]


def _more(t: Any, _y: Any, a: Any, *es: Any, kind: str, args: Any) -> Any:
    if len(es) >= _LIMIT:
        raise refusal(
            f"scipy.linalg.{kind}, differentiated more than {_LIMIT} times,",
            f"the matrix whose {kind} is taken would be {2 ** (_LIMIT + 1)} times as wide",
            "take derivatives of lower order",
        )  # fmt: skip
    return frechet(a, *es, t, kind=kind, args=args)


def _frechet_transpose(ct: Any, k: int, a: Any, es: Any, params: Any) -> Any:
    back = np.matrix_transpose
    rest = [back(e) for j, e in enumerate(es) if j != k]
    return frechet(back(a), ct, *rest, **params)


def _slot(k: int) -> Linear:
    def transpose(ct: Any, a: Any, *es: Any, **params: Any) -> Any:
        return _frechet_transpose(ct, k, a, es, params)

    return Linear(transpose=transpose)


_LIMIT = 6
frechet = Op(
    "frechet",
    _frechet,
    (Jvp(_more), *(_slot(k) for k in range(_LIMIT))),
    variadic=True,
    batch="loop",
    complex=True,
    notation=Notation(
        "D{kind}({0}; {1}, …)", "D\\,{kind}({0}; {1}, \\ldots)",
        rule="linear in every direction; in A one direction more",
    ),
    references=(HIGHAM,),
)
add(frechet)


def _no_args(function: Any, kind: str, *samples: Any) -> Op:
    """Declare a function of one matrix by its Fréchet derivative."""
    read = reader(function)

    def bind(*args: Any, **kwargs: Any) -> Any:
        params = read(args, kwargs)
        if "disp" in params and params["disp"] is False:
            raise refusal(
                f"scipy.linalg.{kind}(disp=False)", "its error estimate has no rule",
                "leave out disp=False",
            )
        return (_square(params["A"], kind),), {}

    return declare(
        Op(
            f"scipy.{kind}",
            lambda a: function(a),
            (Jvp(lambda t, _y, a: frechet(a, t, kind=kind, args=())),),
            batch="loop",
            function=function,
            bind=bind,
            complex=True,
            notation=Notation(
                f"{kind}({{0}})", "\\operatorname{{" + kind + "}}({0})",
                rule=f"d {kind}(A) = L(A; dA), the upper right block of {kind}([[A, dA], [0, A]])",
            ),
            samples=samples,
            references=(HIGHAM,),
        )
    )  # fmt: skip


def _square(a: Any, name: str) -> Any:
    a = as_array(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise np.linalg.LinAlgError(f"scipy.linalg.{name} takes square matrices")
    return a


_SMALL = (sample((2, 2)), sample((2, 2, 2)), sample((1, 1)))
_no_args(linalg.expm, "expm", *_SMALL)
_no_args(linalg.cosm, "cosm", *_SMALL)
_no_args(linalg.sinm, "sinm", *_SMALL)
_no_args(linalg.coshm, "coshm", *_SMALL)
_no_args(linalg.sinhm, "sinhm", *_SMALL)
_no_args(linalg.tanhm, "tanhm", sample(well_conditioned(2, 2)))
_no_args(
    linalg.tanm, "tanm", sample(lambda rng: 0.3 * rng.standard_normal((2, 2))),
)  # fmt: skip
_no_args(
    linalg.logm, "logm", sample(well_conditioned(2, 2)), sample(positive_definite(2, 2)),
)  # fmt: skip


power_op = Op(
    "scipy.fractional_matrix_power",
    lambda a, p: linalg.fractional_matrix_power(a, p),
    (Jvp(lambda t, _y, a, p: frechet(a, t, kind="power", args=(p,))),),
    batch="loop",
    complex=True,
    notation=Notation(
        "{0}^{p}", "{0}^{{{p}}}", 30, (31,), "d Aᵖ = L(A; dA), the upper right block of "
        "[[A, dA], [0, A]]ᵖ",
    ),
    references=(HIGHAM,),
)  # fmt: skip
add(power_op)


@composite(
    linalg.fractional_matrix_power,
    *(sample(well_conditioned(2, 2), Const(p)) for p in (0.5, -0.3, 1.7, 2)),
    sample(well_conditioned(2, 1, 1), Const(0.25)), name="scipy.linalg.fractional_matrix_power",
)  # fmt: skip
def fractional_matrix_power(A: Any, t: Any) -> Any:
    """Raise a matrix to a real power. Errors: a traced power is refused."""
    a = _square(A, "fractional_matrix_power")
    if not isinstance(t, int | float | np.number) or hasattr(t, "cr_owner"):
        raise refusal(
            "the power of scipy.linalg.fractional_matrix_power", "only the matrix has a rule",
            "write scipy.linalg.expm(‹t 1› * scipy.linalg.logm(‹A 0›))",
        )
    return power_op(a, p=float(t))


_WAYS = ("SPS", "blockEnlarge")


def _expm_frechet(a: Any, e: Any, method: Any, check_finite: bool) -> Any:
    return linalg.expm_frechet(a, e, method, compute_expm=False, check_finite=check_finite)


def _expm_frechet_transpose(ct: Any, a: Any, _e: Any, **params: Any) -> Any:
    return expm_frechet_op(np.matrix_transpose(a), ct, **params)


expm_frechet_op = Op(
    "scipy.expm_frechet",
    _expm_frechet,
    (
        Jvp(lambda t, _y, a, e, **_params: frechet(a, e, t, kind="expm", args=())),
        Linear(transpose=_expm_frechet_transpose),
    ),
    batch="loop",
    complex=True,
    notation=Notation(
        "Dexpm({0}; {1})", "D\\operatorname{{expm}}({0}; {1})", rule="linear in the direction; in "
        "A one direction more",
    ),
    references=(HIGHAM,),
)  # fmt: skip
add(expm_frechet_op)


@composite(
    linalg.expm_frechet, sample((2, 2), (2, 2)), sample((2, 2), (2, 2), compute_expm=False),
    sample((2, 2, 2), (2, 2), method="blockEnlarge"), name="scipy.linalg.expm_frechet",
)  # fmt: skip
def expm_frechet(
    A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True
) -> Any:
    """Return the matrix exponential and its Fréchet derivative along E."""

    def single(a: Any, e: Any) -> Any:
        along = expm_frechet_op(a, e, method=method, check_finite=bool(check_finite))
        return (expm_of_frechet(a, e, method=method), along) if compute_expm else along

    return over_batch((2, 2), single)(as_array(A), as_array(E))


def _exponential(a: Any, e: Any, method: Any) -> Any:
    return linalg.expm_frechet(a, e, method)[0]


expm_of_frechet = Op(
    "scipy.expm_of_frechet",
    _exponential,
    (Jvp(lambda t, _y, a, _e, **_params: frechet(a, t, kind="expm", args=())), INDEX),
    batch="loop",
    complex=True,
    notation=Notation("expm({0})", "e^{{{0}}}", rule="d expm(A) = L(A; dA)"),
)  # fmt: skip
add(expm_of_frechet)

# --- matrix equations -----------------------------------------------------------------------------


def _sylvester_transpose(ct: Any, a: Any, b: Any, _q: Any) -> Any:
    return sylvester(np.matrix_transpose(a), np.matrix_transpose(b), ct)


sylvester = declare(
    Op(
        "scipy.solve_sylvester",
        lambda a, b, q: linalg.solve_sylvester(a, b, q),
        (
            Jvp(lambda t, y, a, b, _q: -sylvester(a, b, np.matmul(t, y))),
            Jvp(lambda t, y, a, b, _q: -sylvester(a, b, np.matmul(y, t))),
            Linear(transpose=_sylvester_transpose),
        ),
        batch="loop",
        function=linalg.solve_sylvester,
        bind=lambda a, b, q: ((as_array(a), as_array(b), as_array(q)), {}),
        complex=True,
        notation=Notation(
            "sylvester({0}, {1}, {2})", "\\operatorname{{sylv}}({0}, {1}, {2})",
            rule="AX + XB = Q: dX solves A dX + dX B = dQ − dA X − X dB",
        ),
        samples=(
            sample(well_conditioned(3, 3), well_conditioned(2, 2), (3, 2)),
            sample(well_conditioned(2, 2, 2), well_conditioned(3, 3), (2, 3)),
        ),
    )
)  # fmt: skip



def _regular(a: Any) -> Any:
    s = np.linalg.svdvals(a)
    small = s[-1:] <= trusted(np.finfo(s.dtype).eps, 1) * s[:1]
    return np.where(small.any(), np.nan, 1.0).astype(s.dtype)[()]


regular = Op(
    "regular", _regular, (INDEX,), batch="loop", complex=True,
    notation=Notation(rule="nothing flows"),
)  # fmt: skip
add(regular)


def root_change(y: Any, change: Any) -> Any:
    """Solve Y X + X Y = dA, for the tangent of a root; NaN where Y is singular up to rounding."""
    return sylvester(y, y, change) * regular(y)


sqrtm = declare(
    Op(
        "scipy.sqrtm",
        lambda a: linalg.sqrtm(a),
        (Jvp(lambda t, y, _a: root_change(y, t)),),
        batch="loop",
        function=linalg.sqrtm,
        bind=lambda A, disp=True, **_: ((_plain_root(A, disp),), {}),
        complex=True,
        notation=Notation(
            "{0}^½", "{0}^{{1/2}}", 30, (31,), "X = √A: dX solves X dX + dX X = dA"
        ),
        samples=(
            sample(well_conditioned(3, 3)), sample(positive_definite(2, 2, 2)),
            sample(well_conditioned(1, 1)),
        ),
    )
)  # fmt: skip


def _plain_root(a: Any, disp: Any) -> Any:
    if disp is False:
        raise refusal(
            "scipy.linalg.sqrtm(disp=False)", "its error estimate has no rule",
            "leave out disp=False",
        )  # fmt: skip
    return _square(a, "sqrtm")


def _lyapunov_jvp(t: Any, y: Any, a: Any, _q: Any) -> Any:
    return -lyapunov(a, np.matmul(t, y) + np.matmul(y, adjoint(t)))


lyapunov = declare(
    Op(
        "scipy.solve_continuous_lyapunov",
        lambda a, q: linalg.solve_continuous_lyapunov(a, q),
        (
            Jvp(_lyapunov_jvp),
            Linear(transpose=lambda ct, a, _q: lyapunov(np.matrix_transpose(a), ct)),
        ),
        batch="loop",
        function=linalg.solve_continuous_lyapunov,
        bind=lambda a, q: ((as_array(a), as_array(q)), {}),
        complex=True,
        notation=Notation(
            "lyapunov({0}, {1})", "\\operatorname{{lyap}}({0}, {1})",
            rule="AX + XAᵀ = Q: dX solves A dX + dX Aᵀ = dQ − dA X − X dAᵀ",
        ),
        samples=(
            sample(well_conditioned(3, 3), (3, 3)),
            sample(well_conditioned(2, 2, 2), (2, 2)),
        ),
    )
)  # fmt: skip


def _stein_jvp(t: Any, y: Any, a: Any, _q: Any, **params: Any) -> Any:
    change = np.matmul(np.matmul(t, y), adjoint(a)) + np.matmul(np.matmul(a, y), adjoint(t))
    return stein(a, change, **params)


def _contracting(n: int) -> Any:
    return lambda rng: 0.3 * rng.standard_normal((n, n))


stein = declare(
    Op(
        "scipy.solve_discrete_lyapunov",
        lambda a, q, method: linalg.solve_discrete_lyapunov(a, q, method),
        (
            Jvp(_stein_jvp),
            Linear(
                transpose=lambda ct, a, _q, **params: stein(np.matrix_transpose(a), ct, **params)
            ),
        ),
        batch="loop",
        function=linalg.solve_discrete_lyapunov,
        bind=lambda a, q, method=None: ((as_array(a), as_array(q)), {"method": method}),
        complex=True,
        notation=Notation(
            "stein({0}, {1})", "\\operatorname{{stein}}({0}, {1})",
            rule="X − AXAᵀ = Q: dX solves dX − A dX Aᵀ = dQ + dA X Aᵀ + A X dAᵀ",
        ),
        samples=(
            sample(_contracting(3), (3, 3)), sample(_contracting(2), (2, 2), method="bilinear"),
        ),
    )
)  # fmt: skip


# --- Riccati equations ----------------------------------------------------------------------------


def _mm(*factors: Any) -> Any:
    whole = factors[0]
    for f in factors[1:]:
        whole = np.matmul(whole, f)
    return whole


def _parts(ts: Any, xs: Any) -> list[Any]:
    """Return the tangents, with zeros where nothing flows."""
    return [0 * x if t is None else t for t, x in zip(ts, xs, strict=True)]


def _filled(a: Any, b: Any, q: Any, r: Any, e: Any, s: Any) -> tuple[Any, ...]:
    """Put the identity and zero in the place of E and S where they were left out."""
    return a, b, q, r, e if np.ndim(e) else np.eye(a.shape[-1]), s if np.ndim(s) else 0 * b


def _continuous_jvp(t: Any, y: Any, *xs: Any, balanced: bool) -> Any:
    """Differentiate AᴴXE + EᴴXA − (EᴴXB + S)R⁻¹(BᴴXE + Sᴴ) + Q = 0 at its solution X."""
    xs = _filled(*xs)
    a, b, _q, r, e, s = xs
    da, db, dq, dr, de, ds = _parts(t, xs)
    gain = np.linalg.solve(r, _mm(adjoint(b), y, e) + adjoint(s))
    inner = _mm(adjoint(db), y, e) + _mm(adjoint(b), y, de) + adjoint(ds)
    part = _mm(adjoint(da), y, e) + _mm(adjoint(a), y, de) - _mm(adjoint(gain), inner)
    change = part + adjoint(part) + dq + _mm(adjoint(gain), dr, gain)
    closed = a - np.matmul(b, gain)
    return _continuous_step(closed, e, change)


def _continuous_step(closed: Any, e: Any, change: Any) -> Any:
    """Return dX of Ãᴴ dX E + Eᴴ dX Ã = −change."""
    turned = adjoint(np.linalg.solve(adjoint(e), adjoint(closed)))  # Ã E⁻¹
    return -lyapunov(adjoint(turned), _between(e, change))


def _between(e: Any, change: Any) -> Any:
    """Return E⁻ᴴ · change · E⁻¹, made Hermitian."""
    half = np.linalg.solve(adjoint(e), change)
    full = adjoint(np.linalg.solve(adjoint(e), adjoint(half)))
    return 0.5 * (full + adjoint(full))


def _discrete_jvp(t: Any, y: Any, *xs: Any, balanced: bool) -> Any:
    """Differentiate AᴴXA − EᴴXE − (AᴴXB + S)(R + BᴴXB)⁻¹(BᴴXA + Sᴴ) + Q = 0 at X."""
    xs = _filled(*xs)
    a, b, _q, r, e, s = xs
    da, db, dq, dr, de, ds = _parts(t, xs)
    gain = np.linalg.solve(r + _mm(adjoint(b), y, b), _mm(adjoint(b), y, a) + adjoint(s))
    inner = _mm(adjoint(db), y, a) + _mm(adjoint(b), y, da) + adjoint(ds)
    part = _mm(adjoint(da), y, a) - _mm(adjoint(de), y, e) - _mm(adjoint(gain), inner)
    core = _mm(adjoint(db), y, b)
    change = part + adjoint(part) + dq + _mm(adjoint(gain), dr + core + adjoint(core), gain)
    closed = a - np.matmul(b, gain)
    turned = adjoint(np.linalg.solve(adjoint(e), adjoint(closed)))
    return stein(adjoint(turned), _between(e, change), method=None)


def _stable(n: int) -> Any:
    return lambda rng: 0.3 * rng.standard_normal((n, n)) - 0.4 * np.eye(n)


def _riccati(function: Any, rule: Any, words: str) -> Op:
    slot = Jvp(rule, joint=True)
    op = Op(
        f"scipy.{function.__name__}",
        lambda *xs, balanced: function(*(x if np.ndim(x) else None for x in xs), balanced),
        (slot,) * 6,
        batch="loop",
        complex=True,
        notation=Notation(
            "riccati({0}, {1}, {2}, {3})", "\\operatorname{{are}}({0}, {1}, {2}, {3})", rule=words
        ),
    )
    add(op)

    @composite(
        function,
        sample(well_conditioned(2, 2), well_conditioned(2, 2), Const(np.eye(2)), Const(np.eye(2))),
        sample(_stable(3), well_conditioned(3, 2), Const(np.eye(3)), Const(2 * np.eye(2))),
        name=f"scipy.linalg.{function.__name__}",
    )  # fmt: skip
    def body(
        a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True
    ) -> Any:
        """Solve the Riccati equation; differentiated at the solution. Q and R are symmetric."""
        a, b, q, r = (np.atleast_2d(as_array(x)) for x in (a, b, q, r))

        def single(*xs: Any) -> Any:
            return op(*(0.0 if x is None else x for x in xs), balanced=bool(balanced))

        e, s = (None if x is None else as_array(x) for x in (e, s))
        return over_batch((2,) * 6, single)(a, b, q, r, e, s)

    return op


_riccati(
    linalg.solve_continuous_are, _continuous_jvp,
    "at the solution: the linear equation Ãᵀ dX + dX Ã = −(what the change of the data adds), "
    "Ã the closed loop",
)  # fmt: skip
_riccati(
    linalg.solve_discrete_are, _discrete_jvp,
    "at the solution: the linear equation dX − Ãᵀ dX Ã = what the change of the data adds, "
    "Ã the closed loop",
)  # fmt: skip

refused(
    linalg.funm, "it takes any Python function of eigenvalues, whose derivative is not known here",
    "use expm, logm, sqrtm, fractional_matrix_power, …, or eigh of a symmetric matrix",
    "scipy.linalg.funm",
)
refused(
    linalg.signm, "it has no rule",
    "write ‹A 0› @ scipy.linalg.inv(scipy.linalg.sqrtm(‹A 0› @ ‹A 0›))", "scipy.linalg.signm",
)
refused(
    linalg.expm_cond, "it has no rule", "where no derivative is meant, write ‹held›",
    "scipy.linalg.expm_cond",
)

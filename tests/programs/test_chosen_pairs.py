"""Law: what a program does with chosen eigenpairs is smooth, however the others coincide.

A matrix of two inputs has one value apart; others repeat, or nearly do. Hessians of functions of
the one pair are compared, in each way to take them, with differences in 60 digits.
"""

import warnings
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from scipy.sparse.linalg import eigsh, svds

import chainrule as cr
from chainrule.errors import IndeterminateWarning

N = 4
WEIGHTS = np.random.default_rng(5).uniform(-1, 1, (N, N)).round(3)
TOWARDS = np.array([1.0, 0.5])

# --- the chosen pair, by NumPy and by mpmath ------------------------------------------------------


def of_vector(v: Any, w: Any) -> Any:
    """Return a function of a value and of a vector, whatever its phase."""
    return np.sum(WEIGHTS * np.real(v[:, None] * np.conj(v))) + np.sin(np.real(w))


def first(pair: Any) -> Any:
    return of_vector(pair[1][:, 0], pair[0][0])


def least(pair: Any) -> Any:
    k = int(np.argmin(np.abs(pair[0])))
    return of_vector(pair[1][:, k], pair[0][k])


def nearest_to_0(w: Any) -> Any:
    return w[int(np.argmin(np.abs(w)))]


def triple(found: Any) -> Any:
    u, s, vh = found
    k = int(np.argmin(s))
    return np.sum(WEIGHTS * np.real(u[:, k][:, None] * vh[k])) + np.sin(s[k])


MASS = np.diag([1.0, 2.0, 1.5, 1.0]) + 0.25
SYMMETRIC = {
    "eigh": lambda a: first(np.linalg.eigh(a)),
    "eigh, upper": lambda a: first(np.linalg.eigh(a, "U")),
    "values": lambda a: np.sin(np.linalg.eigvalsh(a)[0]),
    "value": lambda a: np.linalg.eigh(a)[0][0] ** 2,
    "scipy": lambda a: first(scipy.linalg.eigh(a)),
    "subset": lambda a: first(scipy.linalg.eigh(a, subset_by_index=[0, 0])),
    "range": lambda a: first(scipy.linalg.eigh(a, subset_by_value=[0.0, 1.5])),
    "values of a subset": lambda a: np.sin(scipy.linalg.eigvalsh(a, subset_by_index=[0, 0])[0]),
    "eigsh": lambda a: first(eigsh(a, k=1, sigma=0, v0=np.ones(N))),
    "pencil": lambda a: first(scipy.linalg.eigh(a, MASS)),
    "pencil with itself": lambda a: first(scipy.linalg.eigh(a, MASS + 0.1 * a)),
    "tridiagonal": lambda a: first(
        scipy.linalg.eigh_tridiagonal(np.diagonal(a), np.diagonal(a, 1), select="i",
                                      select_range=(0, 0))
    ),
}  # fmt: skip
GENERAL = {
    "eig": lambda a: least(np.linalg.eig(a)),
    "scipy's eig": lambda a: least(scipy.linalg.eig(a)),
    "eigvals": lambda a: np.sin(np.real(nearest_to_0(np.linalg.eigvals(a)))),
}  # fmt: skip
SINGULAR = {
    "svd": lambda a: triple(np.linalg.svd(a)),
    "scipy's svd": lambda a: triple(scipy.linalg.svd(a)),
    "svdvals": lambda a: np.sin(np.linalg.svdvals(a)[-1]),
    "svds": lambda a: triple(svds(a, k=1, which="SM", v0=np.ones(N), solver="arpack")),
}
KINDS = {**{k: ("symmetric", f) for k, f in SYMMETRIC.items()},
         "hermitian": ("hermitian", SYMMETRIC["eigh"]),
         "scipy, hermitian": ("hermitian", SYMMETRIC["scipy"]),
         **{k: ("general", f) for k, f in GENERAL.items()},
         **{k: ("singular", f) for k, f in SINGULAR.items()},
         "complex svd": ("complex", SINGULAR["svd"])}  # fmt: skip


def of_mp_vector(v: Any, w: Any) -> Any:
    norm = mpmath.sqrt(sum(abs(c) ** 2 for c in v))
    p = sum(WEIGHTS[i, j] * mpmath.re(v[i] * mpmath.conj(v[j])) for i in range(N) for j in range(N))
    return p / norm**2 + mpmath.sin(mpmath.re(w))


def exactly(kind: str, family: str, a: Any) -> Any:
    """Return the same by mpmath."""
    if family in ("singular", "complex"):
        u, s, v = mpmath.svd_c(a * mpmath.mpc(1))
        if kind == "svdvals":
            return mpmath.sin(s[N - 1])
        p = sum(WEIGHTS[i, j] * mpmath.re(u[i, N - 1] * v[N - 1, j])
                for i in range(N) for j in range(N))  # fmt: skip
        return p + mpmath.sin(s[N - 1])
    if family == "general":
        w, v = mpmath.eig(a * mpmath.mpc(1))
        k = min(range(N), key=lambda j: abs(w[j]))
    elif kind.startswith("pencil"):
        b = mpmath.matrix(MASS.tolist()) + (a / 10 if kind != "pencil" else 0)
        low = mpmath.cholesky(b)
        w, v = mpmath.eigsy(low**-1 * a * (low**-1).T)
        v, k = (low**-1).T * v, 0
        vector = [v[i, 0] for i in range(N)]
        norm = sum(c**2 for c in vector)
        return norm * (of_mp_vector(vector, 0)) + mpmath.sin(w[0])
    else:
        if kind == "tridiagonal":
            a = mpmath.matrix(N, N) + mpmath.matrix(
                [[a[i, j] if abs(i - j) < 2 else 0 for j in range(N)] for i in range(N)]
            )
        w, v = mpmath.eighe(a * mpmath.mpc(1))
        k = 0
    if kind in ("values", "values of a subset", "eigvals"):
        return mpmath.sin(mpmath.re(w[k]))
    if kind == "value":
        return w[0] ** 2
    return of_mp_vector([v[i, k] for i in range(N)], w[k])


# --- matrices -------------------------------------------------------------------------------------

GAPS = (0.0, 1e-13, 1e-10, 1e-8, 1e-6, 1e-5, 1e-4)


def draw(seed: int) -> tuple[str, Any, Any]:
    """Return a kind, the matrices of A₀ + x₀A₁ + x₁²A₂, and whether the others stay as they are."""
    rng = np.random.default_rng(seed)
    kind = str(rng.choice(list(KINDS)))
    family = KINDS[kind][0]
    gap, number = float(rng.choice(GAPS)), int(rng.integers(2, 4))
    values = np.array([1.0, 2.0, 3.0, 4.0])
    values[N - number :] = 3.0 + gap * np.arange(number)
    kept = bool(rng.random() < 0.5) and kind != "tridiagonal"
    turn = np.linalg.qr(rng.standard_normal((N, N)))[0] if rng.random() < 0.7 else np.eye(N)
    other = turn
    dtype = complex if family in ("hermitian", "complex") else float
    if dtype is complex:
        turn = turn * np.exp(1j * rng.uniform(0, 1, N))[:, None]
        other = turn
    if family == "general":
        other = np.linalg.inv(turn + 0.2 * rng.uniform(-1, 1, (N, N))).conj().T
        turn = np.linalg.inv(other).conj().T
    elif family in ("singular", "complex"):
        other = np.linalg.qr(rng.standard_normal((N, N)))[0].astype(dtype)
    parts = []
    for k in range(3):
        inner = np.diag(values) if k == 0 else rng.uniform(-1, 1, (N, N))
        inner = inner.astype(dtype)
        if k and dtype is complex:
            inner = inner + 1j * rng.uniform(-1, 1, (N, N))
        if k and kept:  # the others stay as they are, among themselves
            inner[N - number :, N - number :] = 0
            inner[: N - number, N - number :] = inner[N - number :, : N - number] = 0
        if family in ("symmetric", "hermitian"):
            inner = (inner + inner.conj().T) / 2
        if kind == "tridiagonal":
            inner = np.triu(np.tril(inner, 1), -1)
        m = inner if kind == "tridiagonal" else turn @ inner @ other.conj().T
        parts.append((m + m.conj().T) / 2 if family in ("symmetric", "hermitian") else m)
    parts[0] = parts[0] - POINT[0] * parts[1] - POINT[1] ** 2 * parts[2]
    return kind, parts, kept


def curvature(kind: str, parts: Any) -> float:
    """Return the second derivative along TOWARDS at 0.2, 0.3, by differences."""
    def matrix(h: Any) -> Any:
        x = [mpmath.mpf(c) + h * t for c, t in zip(POINT.tolist(), TOWARDS.tolist(), strict=True)]
        a = [mpmath.matrix(p.tolist()) for p in parts]
        return a[0] + x[0] * a[1] + x[1] ** 2 * a[2]

    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -15
        f = [exactly(kind, KINDS[kind][0], matrix(k * h)) for k in (-1, 0, 1)]
        return float((f[0] - 2 * f[1] + f[2]) / h**2)


POINT = np.array([0.0625, 0.125])
t = TOWARDS
WAYS = {
    "grad of grad": lambda f: cr.grad(lambda x: cr.grad(f)(x) @ t)(POINT) @ t,
    "forward over reverse": lambda f: cr.jacfwd(cr.grad(f))(POINT) @ t @ t,
    "reverse over forward": lambda f: cr.grad(lambda x: cr.jvp(f, (x,), (t,))[1])(POINT) @ t,
    "forward over forward": lambda f: cr.jvp(lambda x: cr.jvp(f, (x,), (t,))[1], (POINT,), (t,))[1],
    "jacobian of grad": lambda f: cr.jacrev(cr.grad(f))(POINT) @ t @ t,
    "hessian": lambda f: cr.hessian(f)(POINT) @ t @ t,
    "hvp": lambda f: cr.hvp(f, POINT, t) @ t,
    "jit": lambda f: cr.jit(cr.grad(lambda x: cr.grad(f)(x) @ t))(POINT) @ t,
    "vmap": lambda f: cr.vmap(cr.grad(lambda x: cr.grad(f)(x) @ t))(np.stack([POINT] * 2))[1] @ t,
}


def judge(seed: int) -> None:
    kind, parts, _kept = draw(seed)
    wanted = curvature(kind, parts)

    def f(x: Any) -> Any:
        return KINDS[kind][1](parts[0] + x[0] * parts[1] + x[1] ** 2 * parts[2])

    for name, way in WAYS.items():
        if name in ("jit", "vmap") and kind in ("eigsh", "svds"):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", IndeterminateWarning)
            got = way(f)
        assert abs(got - wanted) <= 1e-7 * (1 + abs(wanted)), f"{kind}, {name}: {got}, not {wanted}"


@pytest.mark.seeds(6, 200)
def test_hessians_of_chosen_pairs_beside_others_that_coincide(block: int) -> None:
    for seed in range(block * 10, block * 10 + 10):
        try:
            judge(seed)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error

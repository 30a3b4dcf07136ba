"""Random functions of degenerate matrices, as texts of NumPy, with their twins in mpmath.

A matrix has a chosen spectrum (repeated, nearly repeated, zero or defective), in a basis that is
exact or not, and is built of the inputs in some way. Derivatives are differences in 60 digits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import scipy.linalg

DIGITS = 60

# --- matrices -------------------------------------------------------------------------------------

HOUSEHOLDER = np.eye(4) - 0.5  # orthogonal, and exact in binary
SPECTRA: dict[str, Callable[[Any, int], Any]] = {
    "apart": lambda rng, n: np.cumsum(rng.uniform(0.3, 1.0, n)),
    "repeats": lambda rng, n: rng.choice([0.5, 1.0, 2.0], n),
    "one value": lambda rng, n: np.full(n, rng.choice([0.5, 1.0, 3.0])),
    "near": lambda rng, n: rng.choice([1.0, 2.0], n)
    * (1 + 10.0 ** -rng.integers(4, 16) * np.arange(n)),
    "zeros": lambda rng, n: rng.choice([0.0, 0.0, 1.0, 2.0], n),
    "zero": lambda rng, n: np.zeros(n),
    "a small one": lambda rng, n: np.append(
        10.0 ** -rng.integers(2, 5), rng.choice([1.0, 2.0], n - 1)
    ),
    "signs": lambda rng, n: rng.choice([-2.0, -1.0, 1.0, 2.0], n),
}  # fmt: skip


def basis(rng: Any, n: int, exact: bool) -> Any:
    """Draw an orthogonal matrix, of which products with small numbers are exact if asked so."""
    if not exact:
        return np.linalg.qr(rng.standard_normal((n, n)))[0]
    q = HOUSEHOLDER if n == 4 else np.eye(n)
    return q[rng.permutation(n)] * rng.choice([-1.0, 1.0], n)


def symmetric(rng: Any, values: Any, exact: bool) -> Any:
    q = basis(rng, len(values), exact)
    a = q * values @ q.T
    return (a + a.T) / 2


def rectangular(rng: Any, values: Any, exact: bool, m: int) -> Any:
    k, n = min(m, len(values)), len(values)
    middle = np.zeros((m, n))
    middle[:k, :k] = np.diag(values[:k])
    return basis(rng, m, exact) @ middle @ basis(rng, n, exact).T


def defective(rng: Any, values: Any, exact: bool) -> Any:
    """Put a Jordan block on values that repeat."""
    values = np.sort(values)
    a = np.diag(values) + np.diag(np.isclose(np.diff(values), 0, atol=1e-3) * 1.0, 1)
    q = basis(rng, len(values), exact)
    return q @ a @ q.T


def draw_matrix(rng: Any) -> tuple[str, str, Any]:
    """Return the class of a matrix ('symmetric', 'square', 'any'), how it is built of x, and x."""
    n = int(rng.integers(1, 5))
    values = SPECTRA[str(rng.choice(list(SPECTRA)))](rng, n)
    exact = bool(rng.random() < 0.5)
    form = int(rng.integers(11))
    small = rng.uniform(-1, 1, (n, n))
    if form < 3:
        return "symmetric", "(x + x.T) / 2", symmetric(rng, values, exact)
    if form == 3:
        r = int(rng.integers(1, n + 1))
        x = basis(rng, n, exact)[:, :r] * np.sqrt(np.abs(values[:r]))
        return "symmetric", str(rng.choice(["x @ x.T", "x @ x.T + 0.5 * np.eye(len(x))"])), x
    if form == 4:
        at = symmetric(rng, values, exact)
        text = "(x[0] + x[0].T) / 2 + 1j * (x[1] - x[1].T) / 2"
        return "symmetric", text, np.stack([at, (small - small.T) * rng.choice([0.0, 0.5])])
    if form == 5:
        turn = symmetric(rng, rng.choice([0.0, 0.0, 1.0], n), exact)
        start, along = symmetric(rng, values, exact).tolist(), turn.tolist()
        text = f"np.array({start}) + x[0] * np.array({along}) + x[1]**2 * np.eye({n})"
        return "symmetric", text, np.zeros(2)
    if form == 6:
        return "any", "x", rectangular(rng, values, exact, int(rng.integers(1, 5)))
    if form == 7:
        r, m = int(rng.integers(1, n + 1)), int(rng.integers(1, 5))
        x = np.concatenate([basis(rng, n, exact)[:, :r].ravel(), rng.choice([1.0, 2.0], r * m)])
        if r <= m:
            x[n * r :] = (np.eye(r, m) * rng.choice([1.0, 2.0])).ravel()
        return "product", f"x[:{n * r}].reshape({n}, {r}) @ x[{n * r}:].reshape({r}, {m})", x
    if form == 8:
        at = rectangular(rng, values, exact, n)
        return "square", "x[0] + 1j * x[1]", np.stack([at, small * rng.choice([0.0, 0.5])])
    if form == 9:
        return "square", "x", rectangular(rng, values, exact, n)
    return "square", "x", defective(rng, values, exact)


# --- functions ------------------------------------------------------------------------------------


def adjoint(a: Any) -> Any:
    return a.transpose_conj()


def plus(a: Any) -> Any:
    """Return the pseudo-inverse, of what the rank is to 20 digits."""
    u, s, v = mpmath.svd_c(a * mpmath.mpc(1))
    return adjoint(v) * mpmath.diag([1 / t if t > 1e-13 * s[0] else 0 for t in s]) * adjoint(u)


def sizes(a: Any) -> list[Any]:
    return list(mpmath.svd_c(a * mpmath.mpc(1), compute_uv=False))


def odd(a: Any, f: Any) -> Any:
    u, s, v = mpmath.svd_c(a * mpmath.mpc(1))
    return u * mpmath.diag([f(t) for t in s]) * v


def levels(a: Any) -> list[Any]:
    return list(mpmath.eighe(a * mpmath.mpc(1), eigvals_only=True))


def of(a: Any, f: Any) -> Any:
    w, v = mpmath.eighe(a * mpmath.mpc(1))
    return v * mpmath.diag([f(t) for t in w]) * adjoint(v)


def spectrum(a: Any) -> list[Any]:
    return list(mpmath.eig(a * mpmath.mpc(1), left=False, right=False)) if a.rows > 1 else [a[0, 0]]


def upper(a: Any) -> Any:
    k = min(a.rows, a.cols)
    r = mpmath.qr(a[:, :k] * mpmath.mpc(1), mode="skinny")[1]
    return [abs(r[i, i]) for i in range(k)]


def above(a: Any) -> Any:
    """Return the projector on what of a spectrum lies above 0.75, where few have a value."""
    return of(a, lambda t: mpmath.mpf(t > 0.75))


def power(a: Any, n: int) -> Any:
    return a * power(a, n - 1) if n > 1 else a


def product(values: Any) -> Any:
    return mpmath.fprod(values)


# "total" sums the product with constant weights, and takes the real part.
ANY: dict[str, Any] = {
    "norm(A)": lambda a: mpmath.sqrt(sum(abs(t) ** 2 for t in a)),
    "norm(A)**2": lambda a: sum(abs(t) ** 2 for t in a),
    "np.sum(np.abs(A)**2)": lambda a: sum(abs(t) ** 2 for t in a),
    "norm(A, 2)": lambda a: sizes(a)[0],
    "norm(A, -2)": lambda a: sizes(a)[-1],
    "norm(A, 'nuc')": lambda a: sum(sizes(a)),
    "np.sum(np.linalg.svdvals(A)**2)": lambda a: sum(s**2 for s in sizes(a)),
    "np.sum(np.linalg.svd(A, compute_uv=False)**4)": lambda a: sum(s**4 for s in sizes(a)),
    "np.sum(np.log1p(linalg.svdvals(A)**2))": lambda a: sum(mpmath.log1p(s**2) for s in sizes(a)),
    "np.sum(np.cosh(np.linalg.svd(A, full_matrices=False)[1]))":
        lambda a: sum(map(mpmath.cosh, sizes(a))),
    "np.prod(np.linalg.svdvals(A))": lambda a: product(sizes(a)),
    "np.linalg.svdvals(A)[0] * np.linalg.svdvals(A)[-1]": lambda a: sizes(a)[0] * sizes(a)[-1],
    "np.linalg.cond(A)": lambda a: sizes(a)[0] / sizes(a)[-1],
    "total(thin(A, lambda s: s**3))": lambda a: a * adjoint(a) * a,
    "total(thin(A, lambda s: np.tanh(s)))": lambda a: odd(a, mpmath.tanh),
    "total(thin(A, lambda s: s / (1 + s**2)))": lambda a: odd(a, lambda s: s / (1 + s**2)),
    "total(thin(A, lambda s: s**0))": lambda a: odd(a, lambda s: mpmath.mpf(1)),
    "total(linalg.polar(A)[0])": lambda a: odd(a, lambda s: mpmath.mpf(1)),
    "total(np.linalg.pinv(A))": plus,
    "total(linalg.pinv(A))": plus,
    "total(A @ np.linalg.pinv(A))": lambda a: a * plus(a),
    "total(linalg.orth(A) @ linalg.orth(A).conj().T)": lambda a: a * plus(a),
    "total(null(A))": lambda a: mpmath.eye(a.cols) - plus(a) * a,
    "total(np.linalg.lstsq(A, SIDE[:len(A)], rcond=None)[0])": lambda a: plus(a) * side(a),
    "total(linalg.lstsq(A, SIDE[:len(A)])[0])": lambda a: plus(a) * side(a),
    "np.sum(np.abs(np.diagonal(np.linalg.qr(A)[1])))": lambda a: sum(upper(a)),
    "total(np.linalg.qr(A)[0] @ np.linalg.qr(A)[1])": lambda a: a,
}  # fmt: skip
SQUARE: dict[str, Any] = {
    "np.real(np.linalg.det(A))": lambda a: mpmath.re(mpmath.det(a)),
    "np.abs(linalg.det(A))**2": lambda a: abs(mpmath.det(a)) ** 2,
    "np.linalg.slogdet(A)[1]": lambda a: mpmath.log(abs(mpmath.det(a))),
    "np.real(np.trace(np.linalg.matrix_power(A, 3)))": lambda a: mpmath.re(trace(power(a, 3))),
    "total(np.linalg.inv(A))": lambda a: a**-1,
    "total(np.linalg.solve(A, SIDE[:len(A)]))": lambda a: a**-1 * side(a),
    "total(linalg.expm(A))": mpmath.expm,
    "np.real(np.trace(linalg.expm(A)))": lambda a: mpmath.re(trace(mpmath.expm(a))),
    "total(linalg.cosm(A))": mpmath.cosm,
    "total(linalg.sqrtm(shifted(A)))": lambda a: mpmath.sqrtm(shifted(a)),
    "total(linalg.logm(shifted(A)))": lambda a: mpmath.logm(shifted(a)),
    "total(linalg.fractional_matrix_power(shifted(A), 0.5))": lambda a: mpmath.sqrtm(shifted(a)),
    "np.sum(np.linalg.eigvals(A)**2).real": lambda a: mpmath.re(trace(a * a)),
    "np.sum(np.exp(np.linalg.eigvals(A))).real": lambda a: mpmath.re(trace(mpmath.expm(a))),
    "np.prod(linalg.eigvals(A)).real": lambda a: mpmath.re(mpmath.det(a)),
    "np.max(np.abs(np.linalg.eigvals(A)))": lambda a: max(map(abs, spectrum(a))),
    "np.real(np.poly(A)[1])": lambda a: -mpmath.re(trace(a)),
    "total(spread(A, lambda w: np.exp(w)))": mpmath.expm,
    "total(spread(A, lambda w: w**2))": lambda a: a * a,
    "np.real(np.trace(linalg.schur(A, output='complex')[0]))": lambda a: mpmath.re(trace(a)),
}  # fmt: skip
SYMMETRIC: dict[str, Any] = {
    "np.sum(np.exp(np.linalg.eigvalsh(A)))": lambda a: sum(map(mpmath.exp, levels(a))),
    "np.sum(np.sin(linalg.eigh(A)[0]))": lambda a: sum(map(mpmath.sin, levels(a))),
    "np.sum(linalg.eigvalsh(A)**3)": lambda a: sum(t**3 for t in levels(a)),
    "np.prod(1 + np.linalg.eigh(A)[0]**2)": lambda a: product(1 + t**2 for t in levels(a)),
    "np.log(np.sum(np.exp(np.linalg.eigvalsh(A))))":
        lambda a: mpmath.log(sum(map(mpmath.exp, levels(a)))),
    "entropy(np.exp(np.linalg.eigvalsh(A)))": lambda a: entropy([mpmath.exp(t) for t in levels(a)]),
    "np.var(np.linalg.eigvalsh(A))":
        lambda a: trace(a * a) / a.rows - (trace(a) / a.rows) ** 2,
    "np.sum(np.abs(np.linalg.eigvalsh(A)))": lambda a: sum(map(abs, levels(a))),
    "np.max(np.linalg.eigvalsh(A))": lambda a: max(levels(a)),
    "np.linalg.eigvalsh(A)[-1] - np.linalg.eigvalsh(A)[0]":
        lambda a: max(levels(a)) - min(levels(a)),
    "total(spread(A, lambda w: np.exp(w), True))": lambda a: of(a, mpmath.exp),
    "total(spread(A, lambda w: np.sqrt(1 + w**2), True))":
        lambda a: of(a, lambda t: mpmath.sqrt(1 + t * t)),
    "total(spread(A, lambda w: 1 / (1 + w**2), True))": lambda a: of(a, lambda t: 1 / (1 + t * t)),
    "total(spread(A, lambda w: (w > 0.75) * 1.0, True))": above,
    "total(spread(A, lambda w: np.maximum(w, 0), True))": lambda a: of(a, lambda t: max(t, 0)),
    "total(spread(A, lambda w: np.abs(w)**3, True))": lambda a: of(a, lambda t: abs(t) ** 3),
    "np.sum(np.abs(np.linalg.eigh(A)[1])**2)": lambda a: mpmath.mpf(a.rows),
    "2 * np.sum(np.log(np.real(np.diagonal(np.linalg.cholesky(A)))))":
        lambda a: mpmath.log(abs(mpmath.det(a))),
    "total(np.linalg.cholesky(shifted(A)))": lambda a: cholesky(shifted(a)),
    "total(linalg.cholesky(shifted(A), lower=True))": lambda a: cholesky(shifted(a)),
    "total(np.linalg.pinv(A, hermitian=True))": plus,
    "total(linalg.pinvh(A))": plus,
    "np.sum(np.linalg.svd(A, hermitian=True)[1]**2)": lambda a: sum(abs(t) ** 2 for t in a),
    "total(linalg.expm(-A))": lambda a: mpmath.expm(-a),
    "total(linalg.logm(A))": lambda a: of(a, mpmath.log),
    "total(linalg.sqrtm(A))": lambda a: of(a, mpmath.sqrt),
    "np.sum(np.sqrt(np.linalg.eigvalsh(A)))": lambda a: sum(map(mpmath.sqrt, levels(a))),
}  # fmt: skip
FUNCTIONS = {
    "any": ANY, "product": ANY, "square": ANY | SQUARE,
    "symmetric": ANY | SQUARE | SYMMETRIC,
}  # fmt: skip
WEIGHTS = np.random.default_rng(0).uniform(-1, 1, (5, 5)).round(3)
SIDE = WEIGHTS[:, 0]


def side(a: Any) -> Any:
    return mpmath.matrix(SIDE[: a.rows].tolist())


def shifted(a: Any) -> Any:
    """Add 3, which no spectrum here has the opposite of."""
    one = mpmath.eye(a.rows) if isinstance(a, mpmath.matrix) else np.eye(len(a))
    return a + 3 * one


def trace(a: Any) -> Any:
    return sum(a[i, i] for i in range(a.rows))


def entropy(values: Any) -> Any:
    whole = sum(values)
    return -sum(v / whole * mpmath.log(v / whole) for v in values)


def cholesky(a: Any) -> Any:
    n = a.rows
    low = mpmath.zeros(n) * mpmath.mpc(1)
    for i in range(n):
        for j in range(i + 1):
            rest = a[i, j] - sum(low[i, k] * mpmath.conj(low[j, k]) for k in range(j))
            low[i, j] = mpmath.sqrt(rest) if i == j else rest / low[j, j]
    return low


def total(a: Any) -> Any:
    return np.sum(np.real(a) * np.reshape(WEIGHTS.ravel()[: np.size(a)], np.shape(a)))


def thin(a: Any, f: Any) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return (u * f(s)) @ vh


def spread(a: Any, f: Any, symmetric: bool = False) -> Any:
    w, v = np.linalg.eigh(a) if symmetric else np.linalg.eig(a)
    return (v * f(w)) @ (v.conj().T if symmetric else np.linalg.inv(v))


def null(a: Any) -> Any:
    free = scipy.linalg.null_space(a)
    return free @ free.conj().T


NUMPY = {"np": np, "linalg": scipy.linalg, "norm": np.linalg.norm, "SIDE": SIDE,
         "shifted": shifted, "total": total, "thin": thin, "spread": spread, "null": null,
         "entropy": lambda e: -np.sum(e / np.sum(e) * np.log(e / np.sum(e)))}  # fmt: skip


@dataclass(frozen=True)
class Program:
    """The texts of a matrix of ``x`` and of a function of it, and the point."""

    matrix: str
    text: str
    exactly: Any
    point: Any

    def numpy(self, x: Any) -> Any:
        """Evaluate it by NumPy."""
        return eval(self.text, {**NUMPY, "A": eval(self.matrix, {"np": np, "x": x})})

    def exact(self, x: Any) -> Any:
        """Evaluate it by mpmath, on an array of its numbers."""
        a = mpmath.matrix(np.asarray(eval(self.matrix, {"np": np, "x": x})).tolist())
        found = self.exactly(a)
        if isinstance(found, mpmath.matrix):
            flat = WEIGHTS.ravel()[: found.rows * found.cols].tolist()
            found = sum(mpmath.re(v) * w for v, w in zip(found, flat, strict=True))
        if mpmath.im(found):
            raise ValueError(found)
        return mpmath.re(found)


def random_program(seed: int) -> Program:
    rng = np.random.default_rng(seed)
    kind, matrix, point = draw_matrix(rng)
    table = FUNCTIONS[kind]
    if kind in ("square", "symmetric") and rng.random() < 0.7:
        table = {name: f for name, f in table.items() if name not in ANY}
    name = str(rng.choice(list(table)))
    return Program(matrix, name, table[name], point)


# --- differences ----------------------------------------------------------------------------------


def slopes(program: Program, v: Any, h: float) -> tuple[float, float]:
    """Return the slopes behind and ahead along v, by steps h."""
    with mpmath.workdps(DIGITS):
        x, e = _many(program.point), _many(v) * mpmath.mpf(h)
        at = [program.exact(x + k * e) for k in (-2, -1, 0, 1, 2)]
        back = (3 * at[2] - 4 * at[1] + at[0]) / (2 * h)
        ahead = (4 * at[3] - 3 * at[2] - at[4]) / (2 * h)
        return float(back), float(ahead)


def curvatures(program: Program, v: Any, w: Any, h: float) -> tuple[float, float]:
    """Return two differences for the second derivative along v and w, by steps h."""
    with mpmath.workdps(DIGITS):
        x, found = _many(program.point), []
        d, e = _many(v) * mpmath.mpf(h), _many(w) * mpmath.mpf(h)
        for s in (1, -1):
            at = [program.exact(x + y) for y in (d + s * e, 0 * d, d, s * e)]
            found.append(s * (at[0] + at[1] - at[2] - at[3]) / mpmath.mpf(h) ** 2)
        return float(found[0]), float(found[1])


def _many(x: Any) -> Any:
    return np.vectorize(mpmath.mpf, otypes=[object])(x)

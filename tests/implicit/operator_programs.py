"""Programs with linear operators, and what they solve, written with dense matrices."""

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from scipy.sparse.linalg import LinearOperator, aslinearoperator, cg, gmres

N = 6
RNG = np.random.default_rng(7)
SPD = sp.diags([-1.0, 2.5, -1.0], [-1, 0, 1], shape=(N, N), format="csr")
ANY = sp.csr_array(SPD.toarray() + 0.3 * RNG.standard_normal((N, N)))
B = np.linspace(0.5, 1.5, N)
X = np.array([0.7, 1.2, 0.4])
TIGHT = {"rtol": 1e-13, "atol": 0.0}
S, C, EYE = SPD.toarray(), ANY.toarray(), np.eye(N)
solve = np.linalg.solve
PROGRAMS = {}


def program(dense):
    """Add a program, with one that has the same derivative and uses dense matrices."""

    def add(f):
        PROGRAMS[f.__name__] = f, dense
        return f

    return add


def field(p):
    return 1.0 + p[0] * np.arange(N + 1.0) / N + p[1] ** 2


def poisson_matrix(k):
    G = np.zeros((N + 1, N))
    for i in range(N):
        G[i, i], G[i + 1, i] = 1.0, -1.0
    return G.T @ (k[:, None] * G)


@program(lambda p: solve(p[0] * S + p[1] ** 2 * EYE, B * p[2]))
def closure(p):
    A = LinearOperator((N, N), matvec=lambda v: p[0] * (SPD @ v) + p[1] ** 2 * v)
    x, info = cg(A, B * p[2], **TIGHT)
    assert info == 0
    return x


@program(lambda p: solve(poisson_matrix(field(p)), B))
def poisson(p):
    k = field(p)

    def apply(u):
        padded = np.concatenate(([0.0], u, [0.0]))
        flux = k * np.diff(padded)
        return -np.diff(flux)

    x, _ = cg(LinearOperator((N, N), matvec=apply, dtype=float), B, **TIGHT)
    return x


@program(lambda p: solve(poisson_matrix(field(p)), B))
def poisson_with_a_buffer(p):
    k = field(p)

    def apply(u):
        out = np.zeros(N)
        for i in range(N):
            out[i] = (k[i] + k[i + 1]) * u[i]
            if i > 0:
                out[i] -= k[i] * u[i - 1]
            if i < N - 1:
                out[i] -= k[i + 1] * u[i + 1]
        return out

    return cg(LinearOperator((N, N), matvec=apply), B, **TIGHT)[0]


@program(lambda p: solve(poisson_matrix(field(p)), B))
def poisson_with_a_buffer_like_the_vector(p):
    k = field(p)

    def apply(u):
        out = np.zeros_like(u)
        out += (k[:-1] + k[1:]) * u
        out[1:] -= k[1:-1] * u[:-1]
        out[:-1] -= k[1:-1] * u[1:]
        return out

    return cg(LinearOperator((N, N), matvec=apply, dtype=np.float64), B, **TIGHT)[0]


@program(lambda p: solve(C + np.diag(p[0] * B), B * p[1]))
def transposed_by_the_recording(p):
    A = LinearOperator((N, N), matvec=lambda v: ANY @ v + p[0] * B * v)
    return gmres(A, B * p[1], **TIGHT)[0]


@program(lambda p: solve(C + np.diag(p[0] * B), B * p[1]))
def with_rmatvec(p):
    A = LinearOperator((N, N), matvec=lambda v: ANY @ v + p[0] * B * v,
                       rmatvec=lambda v: ANY.T @ v + p[0] * B * v)
    return sl.bicg(A, B * p[1], **TIGHT)[0] + sl.qmr(A, B * p[1], **TIGHT)[0] * 0


@program(lambda p: solve(C * p[0] + np.diag(B) / p[1], B))
def every_solver(p):
    A = LinearOperator((N, N), matvec=lambda v: ANY @ v * p[0] + B * v / p[1])
    methods = (gmres, sl.bicgstab, sl.cgs, sl.lgmres, sl.tfqmr, sl.gcrotmk)
    found = [method(A, B, **TIGHT)[0] for method in methods]
    return sum(found) / len(found)


@program(lambda p: solve(S + p[0] * EYE - p[1] * 0.1 * EYE, B))
def minres_with_a_shift(p):
    A = LinearOperator((N, N), matvec=lambda v: SPD @ v + p[0] * v)
    return sl.minres(A, B, rtol=1e-13, shift=0.1 * p[1])[0]


@program(lambda p: solve(S + np.diag(p[0] + B * p[1]), B))
def jacobi(p):
    A = (SPD + sp.diags(p[0] + B * p[1])).tocsr()
    M = sp.diags(1 / A.diagonal())
    return cg(A, B, M=M, **TIGHT)[0]


@program(lambda p: solve(S + np.diag(p[0] + B * p[1]), B))
def jacobi_as_an_operator(p):
    d = 2.5 + p[0] + B * p[1]
    A = LinearOperator((N, N), matvec=lambda v: SPD @ v + (p[0] + B * p[1]) * v)
    M = LinearOperator((N, N), matvec=lambda v: v / d)
    return cg(A, B, M=M, **TIGHT)[0]


@program(lambda p: solve(C * p[0] + np.diag(B) * p[1], B * p[2]))
def incomplete_factors(p):
    A = sp.csc_matrix(ANY * p[0] + sp.diags(B) * p[1])
    ilu = sl.spilu(A, drop_tol=1e-2)
    M = LinearOperator(A.shape, ilu.solve)
    return gmres(A, B * p[2], M=M, **TIGHT)[0]


@program(lambda p: solve(C * p[0] + np.diag(B) * p[1], B * p[2]))
def factors_in_a_lambda(p):
    A = sp.csc_array(ANY * p[0] + sp.diags_array(B) * p[1])
    lu = sl.splu(A)
    M = LinearOperator(A.shape, matvec=lambda r: lu.solve(r))
    return sl.bicgstab(A, B * p[2], M=M, **TIGHT)[0]


@program(lambda p: solve(p[0] * C + 2 * S / p[1], B))
def algebra(p):
    A = p[0] * aslinearoperator(ANY) + aslinearoperator(S) * 2 / p[1]
    return gmres(A, B, **TIGHT)[0]


@program(lambda p: solve(C.T @ C + p[0] * EYE, C.T @ B * p[1]))
def normal_equations(p):
    L = aslinearoperator(ANY)
    A = L.T @ L + p[0] * sl.LinearOperator((N, N), matvec=lambda v: v, rmatvec=lambda v: v)
    return cg(A, L.T @ (B * p[1]), **TIGHT)[0]


@program(lambda p: np.linalg.matrix_power(p[0] * C, 2) @ B - (C * p[1]).T @ B)
def products(p):
    A = aslinearoperator(ANY) * p[0]
    D = p[1] * aslinearoperator(C)
    return (A**2) @ B - D.H.matvec(B)


@program(lambda p: p[0] * B @ C + (S * p[1]).dot(B))
def from_the_left(p):
    return p[0] * B @ aslinearoperator(ANY) + aslinearoperator(SPD * p[1]).dot(B)


class Helmholtz(LinearOperator):
    def __init__(self, k, damping):
        super().__init__(dtype=complex, shape=(N, N))
        self.k, self.damping = k, damping

    def _matvec(self, v):
        v = v.ravel()
        return SPD @ v - self.k**2 * v + 1j * self.damping * v


def helmholtz_dense(p):
    return np.abs(solve(S + (1j * p[1] - p[0] ** 2) * EYE, B * (1 + 1j * p[2]))) ** 2


@program(helmholtz_dense)
def helmholtz(p):
    u, _ = gmres(Helmholtz(p[0], p[1]), B * (1 + 1j * p[2]), **TIGHT)
    return np.abs(u) ** 2


class Covariance(LinearOperator):
    def __init__(self, scale, noise):
        points = np.linspace(0, 1, N)
        self.K = np.exp(-((points[:, None] - points) ** 2) / scale**2)
        self.noise = noise
        super().__init__(np.float64, (N, N))

    def _matvec(self, v):
        return self.K @ v + self.noise * v

    def _adjoint(self):
        return self


@program(lambda p: B @ solve(Covariance(p[0], p[1]).K + p[1] * EYE, B))
def likelihood(p):
    A = Covariance(p[0], p[1])
    return B @ cg(A, B, **TIGHT)[0]


def kernel(s, n):
    t = np.arange(n)
    return np.exp(-np.abs(t[:, None] - t) / s)


@program(lambda p: solve(np.kron(kernel(p[0], 2), kernel(p[1], 3)) + p[2] * np.eye(6), B))
def kronecker(p):
    K1, K2 = kernel(p[0], 2), kernel(p[1], 3)
    A = LinearOperator((6, 6), matvec=lambda v: (K1 @ v.reshape(2, 3) @ K2.T).ravel() + p[2] * v)
    return cg(A, B, **TIGHT)[0]


def tall(p):
    return np.vstack([C * p[0], S + p[1]])


def least(A, b, damp):
    return solve(A.T @ A + damp**2 * EYE, A.T @ b)


@program(lambda p: least(tall(p), np.tile(B, 2), p[2]))
def tikhonov(p):
    A = LinearOperator(
        (2 * N, N),
        matvec=lambda v: np.concatenate([p[0] * (ANY @ v), SPD @ v + p[1] * v.sum()]),
        rmatvec=lambda w: p[0] * (ANY.T @ w[:N]) + SPD @ w[N:] + p[1] * w[N:].sum(),
    )
    return sl.lsqr(A, np.tile(B, 2), damp=p[2], atol=1e-14, btol=1e-14)[0]


@program(lambda p: least(tall(p), np.tile(B, 2), p[2]))
def tikhonov_by_lsmr(p):
    A = aslinearoperator(tall(p))
    return sl.lsmr(A, np.tile(B, 2), damp=p[2], atol=1e-14, btol=1e-14)[0]


@program(lambda p: least(C, B * p[0], 0.0))
def constant_operator_in_lsqr(p):
    return sl.lsqr(aslinearoperator(ANY), B * p[0], atol=1e-14, btol=1e-14)[0]


@program(lambda p: solve(S * p[0], B))
def history_and_info(p):
    history = []
    A = aslinearoperator(SPD * p[0])
    note = lambda xk: history.append(np.linalg.norm(xk))  # noqa: E731
    x, info = cg(A, B, x0=np.ones(N), callback=note, **TIGHT)
    if info != 0 or not history:
        raise RuntimeError("no convergence")
    return x


@program(lambda p: solve(S * p[0], B))
def from_a_traced_start(p):
    A = LinearOperator((N, N), lambda v: p[0] * (SPD @ v))
    return cg(A, B, x0=B * p[1], maxiter=100, **TIGHT)[0]


@program(lambda p: solve(S * p[0], B * p[1]))
def loosely_solved(p):
    A = LinearOperator((N, N), lambda v: p[0] * (SPD @ v))
    return cg(A, B * p[1], rtol=1e-13)[0]


def newton_dense(p):
    u = np.zeros(N)
    for _ in range(8):
        J = S + np.diag(3 * p[0] * u**2)
        u = u - solve(J, SPD @ u + p[0] * u**3 - p[1] * B)
    return u


@program(newton_dense)
def newton_krylov(p):
    u = np.zeros(N)
    for _ in range(8):
        J = LinearOperator((N, N), matvec=lambda v: SPD @ v + 3 * p[0] * u**2 * v)  # noqa: B023
        step, _ = gmres(J, SPD @ u + p[0] * u**3 - p[1] * B, **TIGHT)
        u = u - step
    return u


@program(lambda p: solve(S * p[0], C @ solve(S, B / p[2])))
def one_after_the_other(p):
    x = B / p[2]
    for A, then in ((LinearOperator((N, N), lambda v: SPD @ v), ANY), (p[0] * SPD, None)):
        x, _ = gmres(A if then is not None else aslinearoperator(A), x, **TIGHT)
        x = x if then is None else then @ x
    return x


@program(lambda p: solve(S + np.diag(np.exp(p[0] * B)), np.sin(p[1] * B)))
def implicit_steps(p):
    lap = aslinearoperator(SPD)
    reaction = LinearOperator((N, N), matvec=lambda v: np.exp(p[0] * B) * v, dtype=float)
    return cg(lap + reaction, np.sin(p[1] * B), **TIGHT)[0]


@program(lambda p: solve(EYE + p[0] * S, solve(EYE + p[0] * S, B)))
def backward_euler(p):
    A = LinearOperator((N, N), matvec=lambda v: v + p[0] * (SPD @ v), dtype=float)
    u = B
    for _ in range(2):
        u, _ = cg(A, u, **TIGHT)
    return u


@program(lambda p: solve(np.diag(p[0] + B) - 0.1 * p[1] * np.outer(B, B), B))
def low_rank(p):
    D = LinearOperator((N, N), matvec=lambda v: (p[0] + B) * v, dtype=float)
    U = aslinearoperator(B[:, None] * np.sqrt(0.1 * p[1]))
    return cg(D - U @ U.T, B, **TIGHT)[0]


@program(lambda p: np.fft.ifft(np.fft.fft(B) / (1.0 + p[0] * np.abs(np.fft.fftfreq(N)))).real)
def convolution(p):
    symbol = 1.0 + p[0] * np.abs(np.fft.fftfreq(N))
    A = LinearOperator((N, N), lambda v: np.fft.ifft(symbol * np.fft.fft(v)).real, dtype=float)
    return cg(A, B, **TIGHT)[0]


@program(lambda p: np.linalg.eigvalsh(S + np.diag(p[0] * B**2))[-2:])
def largest_eigenvalues(p):
    A = LinearOperator((N, N), matvec=lambda v: SPD @ v + p[0] * B**2 * v, dtype=float)
    return np.sort(sl.eigsh(A, k=2, which="LA", v0=np.ones(N), return_eigenvectors=False))


@program(lambda p: np.linalg.svd(p[0] * C + p[1] * S)[1][:2])
def largest_singular_values(p):
    A = p[0] * aslinearoperator(ANY) + p[1] * aslinearoperator(SPD)
    return np.sort(sl.svds(A, k=2, v0=np.ones(N), return_singular_vectors=False))[::-1]


class Duck:
    def __init__(self, p):
        self.p, self.shape, self.dtype = p, (N, N), np.dtype(float)

    def matvec(self, v):
        return self.p[0] * (SPD @ v)


@program(lambda p: solve(S * p[0], B))
def an_object_with_matvec(p):
    return cg(Duck(p), B, **TIGHT)[0]


@program(lambda p: solve(S * p[0], B * p[1]))
def solved_within(p):
    inner = LinearOperator((N, N), lambda v: p[0] * (SPD @ v), dtype=float)
    M = LinearOperator((N, N), lambda r: cg(inner, r, rtol=1e-3)[0], dtype=float)
    return sl.lgmres(inner, B * p[1], M=M, **TIGHT)[0]


def frozen(v):
    return np.frombuffer((SPD @ v).tobytes())


@program(lambda p: solve(S + p[0] * EYE, B) + solve(S, B))
def compiled_and_constant(p):
    shift = LinearOperator((N, N), lambda v: v, dtype=float)
    x, _ = cg(LinearOperator((N, N), matvec=frozen, dtype=float), B, **TIGHT)
    return x + cg(aslinearoperator(SPD) + p[0] * shift, B, **TIGHT)[0]


class Lazy(LinearOperator):
    """An operator that computes its coefficient when it is first applied."""

    def __init__(self, p):
        self.p, self.coefficient = p, None
        super().__init__(float, (N, N))

    def _matvec(self, v):
        if self.coefficient is None:
            self.coefficient = np.exp(self.p[0])
        return SPD @ v + self.coefficient * v


@program(lambda p: np.exp(p[0]) * solve(S + np.exp(p[0]) * EYE, B))
def an_attribute_read_afterwards(p):
    A = Lazy(p)
    x, _ = cg(A, B, **TIGHT)
    return x * A.coefficient


HERMITIAN = S + 0.3j * (np.eye(N, k=1) - np.eye(N, k=-1))


@program(lambda p: np.abs(solve(HERMITIAN + p[0] * EYE, B * (1 + 1j * p[1]))))
def hermitian(p):
    A = LinearOperator((N, N), matvec=lambda v: HERMITIAN @ v + p[0] * v, dtype=complex)
    return np.abs(cg(A, B * (1 + 1j * p[1]), **TIGHT)[0])


@program(lambda p: solve(S * p[0], B * p[1]))
def two_preconditioners(p):
    half = LinearOperator((N, N), lambda v: v / p[0], rmatvec=lambda v: v / p[0], dtype=float)
    other = aslinearoperator(sp.eye_array(N))
    return sl.qmr(SPD * p[0], (B * p[1])[:, None], M1=half, M2=other, **TIGHT)[0]


OUTSIDE = aslinearoperator(SPD)


@program(lambda p: solve(S * p[0], B * p[1]) + solve(S, B * p[2]))
def operators_made_outside(p):
    return cg(p[0] * OUTSIDE, B * p[1], **TIGHT)[0] + cg(OUTSIDE, B * p[2], **TIGHT)[0]

"""Small real programs, written once over a module `np` that each library brings."""

import numpy

RNG = numpy.random.default_rng(7)
A = RNG.standard_normal((4, 4))
SPD = A @ A.T + 4 * numpy.eye(4)
M, V, W = RNG.standard_normal((3, 4)), RNG.standard_normal(4), RNG.standard_normal((4, 3))
POSITIVE = RNG.uniform(0.5, 2.0, (3, 4))

PROGRAMS = {}


def program(*args):
    def decorate(f):
        PROGRAMS[f.__name__] = (f, args)
        return f

    return decorate


@program(M, V)
def network(np, x, v):
    h = np.tanh(x @ v)
    return np.sum(h * h) / 2 + np.sum(np.exp(-(x**2)))


@program(POSITIVE)
def logs_and_powers(np, x):
    return np.sum(np.log(x) * np.sqrt(x) + x**2.5 - 1 / x)


@program(M)
def trigonometry(np, x):
    return np.sum(np.sin(x) * np.cos(2 * x) + np.arctan2(x, x * x + 1) + np.sinh(x / 3))


@program(M)
def softmax_entropy(np, x):
    z = x - np.max(x)
    p = np.exp(z) / np.sum(np.exp(z))
    return -np.sum(p * np.log(p))


@program(M)
def kinks_off_the_kink(np, x):
    return np.sum(np.abs(x) + np.maximum(x, 0.3) * np.minimum(x, 0.1) + np.where(x > 0, x**3, -x))


@program(SPD, V)
def solve_and_logdet(np, a, b):
    s = (a + a.T) / 2
    return b @ np.linalg.solve(s, b) + np.linalg.slogdet(s)[1] + np.sum(np.linalg.inv(s))


@program(SPD)
def factorisations(np, a):
    s = (a + a.T) / 2
    return np.sum(np.linalg.cholesky(s) ** 3) + np.sum(np.linalg.eigh(s)[0] ** 2)


@program(M, W)
def einsums(np, x, w):
    return np.sum(np.einsum("ij,jk->ik", x, w) ** 2) + np.sum(np.einsum("ij,ji->i", x, w) ** 3)


@program(M)
def shapes(np, x):
    y = np.reshape(x, (2, 6))
    z = np.concatenate([y[:, ::2], y[:, 1:4]])
    return np.sum(z.T @ z) + np.sum(np.stack([x[0], x[2]]) ** 2) + np.prod(x[1])


@program(V)
def sorting_and_running_sums(np, v):
    return np.sum(np.sort(v) * numpy.arange(4.0)) + np.sum(np.cumsum(v**2)[1:])

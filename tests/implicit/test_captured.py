"""Objects of SciPy that hold traced values, in callbacks that solvers call: a spline, a density.

A table of objects times a table of solvers, against differences of plain runs. The objects are read
at the solver's own points, which carry no derivative, at the answer, which does, and where a solver
only looks around, in which case nothing flows.
"""

import numpy as np
import pytest
from scipy import integrate, interpolate, linalg, optimize, stats

import chainrule

X = np.array([0.1, 1.0, 2.0, 3.0, 4.0])
Y = np.array([1.0, 2.0, 2.5, 3.3, 4.0])
WIDE = np.array([0.0, 0.4, 0.8, 1.0])
PIECES = np.array([[0.1, 0.05], [1.0, 1.2], [1.0, 3.0]])


def along(made, x):
    points = np.stack([np.atleast_1d(x), 0 * np.atleast_1d(x) + 0.3], -1)
    return np.reshape(made(points), np.shape(x))


def solved(a):
    kept = linalg.lu_factor(np.array([[a, 0.2], [0.1, 2.0]]))
    return lambda x: linalg.lu_solve(kept, np.stack([1 + x, 2 * x]))[1] + x


def grid(a):
    made = interpolate.RegularGridInterpolator((X, WIDE[::3]), a * np.outer(Y, [1.0, 1.3]))
    return lambda x: along(made, x)


def surface(a):
    made = interpolate.RectBivariateSpline(X, WIDE, a * np.outer(Y, [1.0, 1.3, 1.1, 1.5]))
    return lambda x: made.ev(x, 0.3)


def radial(a):
    made = interpolate.RBFInterpolator(X[:, None], a * Y)
    return lambda x: np.reshape(made(np.reshape(x, (-1, 1))), np.shape(x))


def kernels(a):
    made = stats.gaussian_kde(a * Y)
    return lambda x: 1 + 3 * np.tanh(x) + np.reshape(made(x), np.shape(x))


def frozen(a):
    made = stats.norm(1.7 * a, 1.5)
    return lambda x: 1 + 3 * made.cdf(x)


def in_holder(a):
    class Model:
        def __init__(self):
            self.parts = {"all": [interpolate.CubicSpline(X, a * Y)]}

        def __call__(self, x):
            return self.parts["all"][0](x)

    return Model()


HELD = {
    "CubicSpline": lambda a: interpolate.CubicSpline(X, a * Y),
    "of traced knots": lambda a: interpolate.CubicSpline(X * np.sqrt(a), a * Y),
    "of knots made there": lambda a: interpolate.PchipInterpolator(np.array(list(X)), a * Y),
    "Akima1DInterpolator": lambda a: interpolate.Akima1DInterpolator(X, a * Y),
    "interp1d": lambda a: interpolate.interp1d(X, a * Y, kind="cubic"),
    "interp1d, linear": lambda a: interpolate.interp1d(X, a * Y),
    "PPoly": lambda a: interpolate.PPoly(a * PIECES, X[[0, 2, 4]]),
    "BPoly": lambda a: interpolate.BPoly(a * np.array([[1, 2], [1.5, 3], [2, 4.0]]), X[[0, 2, 4]]),
    "its derivative": lambda a: interpolate.CubicSpline(X, a * X**2 / 1.7 + X).derivative(),
    "make_interp_spline": lambda a: interpolate.make_interp_spline(X, a * Y),
    "UnivariateSpline": lambda a: interpolate.UnivariateSpline(X, a * Y, s=0),
    "BarycentricInterpolator": lambda a: interpolate.BarycentricInterpolator(X, a * Y),
    "KroghInterpolator": lambda a: interpolate.KroghInterpolator(X, a * Y),
    "RegularGridInterpolator": grid,
    "RectBivariateSpline": surface,
    "RBFInterpolator": radial,
    "gaussian_kde": kernels,
    "a frozen distribution": frozen,
    "kept factors": solved,
    "in an object of the program's": in_holder,
}


def miss(s):
    return lambda x: s(x) - 2.35


def first(found):
    return np.ravel(found)[0]


def cost(s):
    return lambda x: (first(s(x)) - 2.35) ** 2 + 0.01 * first(x)


EXACT = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}
FINE = {"rtol": 1e-9, "atol": 1e-9}
SOLVERS = {
    "brentq": lambda s: optimize.brentq(miss(s), 0.2, 3.9),
    "newton": lambda s: optimize.newton(miss(s), 1.3),
    "fsolve": lambda s: optimize.fsolve(miss(s), [1.3]),
    "root": lambda s: optimize.root(miss(s), [1.3]).x,
    "least_squares": lambda s: optimize.least_squares(
        miss(s), [1.3], bounds=(0.2, 3.9), **EXACT
    ).x,
    "bounded": lambda s: optimize.minimize_scalar(
        cost(s), bounds=(0.2, 3.9), method="bounded", options={"xatol": 1e-10}
    ).x,
    "BFGS": lambda s: optimize.minimize(cost(s), [1.3], options={"gtol": 1e-9}).x,
    "Nelder-Mead": lambda s: optimize.minimize(
        cost(s), [1.3], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-15}
    ).x,
    "solve_ivp": lambda s: integrate.solve_ivp(
        lambda t, z: s(z) - z, (0, 0.5), [1.2], **FINE
    ).y[0, -1],
    "odeint": lambda s: integrate.odeint(lambda z, t: s(z) - z, [1.2], [0, 0.5])[-1],
    "an event": lambda s: integrate.solve_ivp(
        lambda t, z: np.reshape(s(t), (1,)), (0.2, 3.0), [-1.0], events=lambda t, z: z[0], **FINE
    ).t_events[0],
}  # fmt: skip


def slope(f, a, h=1e-4):
    one, two = ((f(a + j * h) - f(a - j * h)) / (2 * j * h) for j in (1, 2))
    return (4 * one - two) / 3


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of a line search at the last digit
@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("solver", SOLVERS)
def test_solver_reads_held_traced_values(solver, held):
    def f(a):
        return first(SOLVERS[solver](HELD[held](a)))

    expected = slope(f, 1.1)
    assert abs(expected) > 1e-2
    within = 3e-3 if solver in ("BFGS", "Nelder-Mead", "bounded", "odeint") else 1e-5
    assert abs(chainrule.grad(f)(1.1) - expected) <= within * (1 + abs(expected))


DIRECT = {
    "quad": lambda s: integrate.quad(s, 0.2, 0.9)[0],
    "fixed_quad": lambda s: integrate.fixed_quad(s, 0.2, 3.9, n=7)[0],
    "brentq": lambda s: optimize.brentq(s, 0.2, 1.9),
    "root_scalar": lambda s: optimize.root_scalar(s, bracket=(0.2, 1.9)).root,
    "map": lambda s: sum(map(s, [0.3, 1.3])),
    "vectorize": lambda s: np.sum(np.vectorize(s)(np.array([0.3, 1.3]))),
    "apply_along_axis": lambda s: np.apply_along_axis(s, 0, np.array([0.3, 1.3]))[1],
}
MADE = {
    "CubicSpline": lambda a: interpolate.CubicSpline(X, a * (Y - 2.1) - 0.05),
    "derivative": lambda a: interpolate.CubicSpline(X, a * X**2 - 2 * X).derivative(),
    "interp1d": lambda a: interpolate.interp1d(X, a * (Y - 2.1) - 0.05, kind="cubic"),
    "UnivariateSpline": lambda a: interpolate.UnivariateSpline(X, a * (Y - 2.1) - 0.05, s=0),
    "logpdf": lambda a: stats.norm(1.8 * a, 0.3).logpdf,
}


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("caller", DIRECT)
def test_held_traced_values_are_called_by_a_library(caller, made):
    def f(a):
        return first(DIRECT[caller](MADE[made](a)))

    expected = slope(f, 1.1)
    assert abs(chainrule.grad(f)(1.1) - expected) <= 1e-5 * (1 + abs(expected))


@pytest.mark.parametrize("kind", ["CubicSpline", "PchipInterpolator", "make_interp_spline"])
def test_spline_is_built_in_the_callback(kind):
    build = getattr(interpolate, kind)

    def of_state(a):
        return optimize.brentq(lambda x: build(X, a * Y + 0.1 * x)(x) - 2.35, 0.2, 3.9)

    def second(a):
        return chainrule.grad(of_state)(a)

    for f in (of_state, second):
        assert abs(chainrule.grad(f)(1.1) - slope(f, 1.1)) <= 1e-5 * (1 + abs(slope(f, 1.1)))

"""Solvers of SciPy as functions of what their equations read: closures, `args`, data, bounds.

Tolerances are tight, so that differences of the solver's own answers are an oracle.
"""

from typing import Any

import numpy as np
from scipy import integrate, optimize

from .forms import form

SHARP = {"xtol": 1e-14, "rtol": 1e-14}


def cubic(z: Any, a: Any) -> Any:
    """Rise through one root."""
    return z**3 + 2.0 * z - a


@form(((),))
def bracketed_roots(a: Any) -> Any:
    ways = (optimize.brentq, optimize.brenth, optimize.bisect, optimize.ridder, optimize.toms748)
    return tuple(f(cubic, -4.0, 4.1, args=(a,), **SHARP) for f in ways)


@form(((),))
def roots_of_one_equation(a: Any) -> Any:
    f = lambda z: cubic(z, a)  # noqa: E731
    slope = lambda z: 3 * z * z + 2  # noqa: E731
    return (
        optimize.newton(f, 0.4, fprime=slope, tol=1e-14), optimize.newton(f, 0.4, tol=1e-14),
        optimize.root_scalar(f, bracket=(-4, 4.1), method="brentq", **SHARP).root,
        optimize.newton(lambda z: cubic(z, np.stack([a, 1.0 + a])), [0.3, 0.4], tol=1e-14),
    )  # fmt: skip


def system(z: Any, p: Any) -> Any:
    """Two equations with one root near the origin."""
    return [4.0 * z[0] + np.sin(z[1]) - p[0], z[0] * z[1] + 3.0 * z[1] - p[1]]


@form(((2,),))
def roots_of_systems(p: Any) -> Any:
    p = np.tanh(p)
    return (
        optimize.root(system, [0.1, 0.2], args=(p,), tol=1e-14).x,
        optimize.fsolve(lambda z: system(z, p), [0.1, 0.2], xtol=1e-14),
        optimize.fixed_point(lambda z: 0.3 * np.cos(z) + 0.2 * p, [0.3, 0.2], xtol=1e-13),
        optimize.newton_krylov(
            lambda z: np.stack(system(z, p)), np.array([0.1, 0.2]), f_tol=1e-13
        ),
    )  # fmt: skip


def bowl(z: Any, p: Any) -> Any:
    """One minimum, curved differently in every direction."""
    return (z[0] - p[0]) ** 2 + 0.5 * np.cosh(z[1] - p[1]) + 0.3 * z[0] * z[1]


def bowl_slope(z: Any, p: Any) -> Any:
    """Return the gradient of `bowl`, for the solver: its own differences are not exact enough."""
    slope = np.array([2 * (z[0] - p[0]) + 0.3 * z[1], 0.5 * np.sinh(z[1] - p[1]) + 0.3 * z[0]])
    return slope.astype(float, casting="same_kind")  # no complex numbers for SLSQP


@form(((2,),))
def minima(p: Any) -> Any:
    p = np.tanh(p)
    whole = optimize.minimize(bowl, [0.1, 0.2], args=(p,), method="BFGS", tol=1e-10)
    one = optimize.minimize_scalar(lambda z: (z - p[0]) ** 2 + 0.1 * z**4 + p[1] * z, tol=1e-10)
    return whole.x, whole.fun, one.x, one.fun


@form(((2,),))
def minima_under_constraints(p: Any) -> Any:
    p = np.tanh(p)
    options = {"method": "SLSQP", "tol": 1e-15, "jac": bowl_slope}
    on_a_line = {"type": "eq", "fun": lambda z: z[0] + 2 * z[1] - p[1]}
    bounds = [(None, None), (2.0 + p[0], 5.0)]
    return (
        optimize.minimize(bowl, [0.1, 0.2], args=(p,), constraints=on_a_line, **options).x,
        optimize.minimize(bowl, [0.1, 2.2], args=(p,), bounds=bounds, **options).x,
    )  # fmt: skip


T = np.linspace(0.0, 2.0, 6)


def decay(t: Any, height: Any, rate: Any) -> Any:
    """Model for fits."""
    return height * np.exp(-rate * t)


@form(((6,), ()))
def fits(noise: Any, scale: Any) -> Any:
    y = decay(T, 2.0 + 0.2 * np.tanh(scale), 0.7) + 0.05 * np.tanh(noise)
    tight = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}
    found = optimize.least_squares(lambda z: decay(T, *z) - y, [1.0, 1.0], **tight)
    return (
        found.x, found.cost, optimize.curve_fit(decay, T, y, p0=[1.0, 1.0], **tight)[0],
        optimize.nnls(np.stack([T, 1.0 + T * T], axis=1), y * y + T)[0],
    )  # fmt: skip


@form(((2,), ()))
def linear_programs(b: Any, c: Any) -> Any:
    found = optimize.linprog(
        [-1.0, -2.0 + 0.1 * np.tanh(c)], A_ub=[[1.0, 1.0 + 0.1 * np.tanh(c)], [1.0, 3.0]],
        b_ub=np.array([4.0, 6.0]) + np.tanh(b),
    )  # fmt: skip
    return found.x, found.fun


@form(((), (), ()))
def integrals(a: Any, low: Any, high: Any) -> Any:
    high = 2.0 + 0.5 * np.tanh(high)
    f = lambda x: np.exp(-a * x * 0.3) * np.cos(x)  # noqa: E731
    return (
        integrate.quad(f, low * 0.1, high)[0],
        integrate.quad_vec(lambda x: np.stack([a * x, np.sin(a * x)]), 0.0, high, limit=2)[0],
        integrate.fixed_quad(f, 0.0, high, n=4)[0],
    )  # fmt: skip


STEPS = {"rtol": 1e10, "atol": 1e10, "max_step": 0.25, "first_step": 0.25}


def swing(t: Any, y: Any, a: Any) -> Any:
    """Pendulum."""
    return [y[1], -(1.0 + a * a) * np.sin(y[0]) - 0.1 * t * y[1]]


@form(((), (2,), "RK23"), ((), (2,), "RK45"), ((), (2,), "DOP853"))
def initial_values(a: Any, y0: Any, method: Any) -> Any:
    """With the steps held fixed, the answer is an exact function of its inputs."""
    found = integrate.solve_ivp(
        swing, (0.0, 1.0), np.tanh(y0), method=method, args=(a,), t_eval=[0.3, 1.0], **STEPS
    )
    return found.y


@form(((), (2,)))
def implicit_steps(a: Any, y0: Any) -> Any:
    matrix = np.array([[0.0, 1.0], [-1.0 - np.tanh(a) ** 2, -0.1]])  # linear: solved exactly
    found = integrate.solve_ivp(
        lambda t, y: matrix @ y, (0.0, 0.5), np.tanh(y0), method="Radau",
        jac=lambda t, y: matrix, rtol=1e-12, atol=1e2, max_step=0.25, first_step=0.25,
    )  # fmt: skip
    return found.y[:, -1]


@form(((), (2,)))
def odeint(a: Any, y0: Any) -> Any:
    return integrate.odeint(
        lambda y, t: swing(t, y, np.tanh(a)), np.tanh(y0), [0.0, 0.4], rtol=1e-12, atol=1e-13
    )


@form(((),))
def boundary_values(a: Any) -> Any:
    x = np.linspace(0.0, 1.0, 5)
    k = 1.0 + np.tanh(a)
    inner = np.array([[0.0, 1.0], [-k, 0.0]])  # linear: solved exactly
    found = integrate.solve_bvp(
        lambda x, y: np.vstack([y[1], -k * y[0] + x]),
        lambda left, right: np.array([left[0], right[0] - a]), x, np.zeros((2, x.size)),
        tol=1e-2, fun_jac=lambda x, y: np.repeat(inner[:, :, None], x.size, axis=2),
        bc_jac=lambda left, right: (np.diag([1.0, 0.0]), np.array([[0.0, 0.0], [1.0, 0.0]])),
    )  # fmt: skip
    return found.sol(np.array([0.4])), found.y[:, -1]

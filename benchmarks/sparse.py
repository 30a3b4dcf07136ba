"""Sparse Jacobians and Hessians: finding the pattern, colouring it, and what is gained.

The Brusselator (two fields on a torus, five-point stencils), as others measure it; a banded
Jacobian against JAX; an arrowhead, a tridiagonal Hessian; a solver. In one process, medians.
"""

from common import compare, report, unit  # isort: skip (sets the thread count first)

import sys
import time
from typing import Any

import numpy as np
from scipy import optimize, sparse

import chainrule as cr
from chainrule.lift import record
from chainrule.modes.pattern import pattern
from chainrule.sparsity.colouring import colour_hessian, colour_jacobian


def brusselator(side: int) -> Any:
    """Return the right-hand side of the reaction and diffusion of two fields."""

    def laplacian(z: Any) -> Any:
        return (np.roll(z, 1, 0) + np.roll(z, -1, 0) + np.roll(z, 1, 1) + np.roll(z, -1, 1) - 4 * z)

    def f(u: Any) -> Any:
        p, q = u.reshape(2, side, side)
        out = np.empty((2, side, side))
        out[0] = 1.0 + p * p * q - 4.4 * p + 10.0 * laplacian(p)
        out[1] = 3.4 * p - p * p * q + 10.0 * laplacian(q)
        return out.ravel()

    return f


def once(*runs: Any, times: int = 5) -> list[float]:
    """Return the median seconds of each run; they take turns."""
    found: list[list[float]] = [[] for _ in runs]
    for _ in range(times):
        for run, taken in zip(runs, found, strict=True):
            start = time.perf_counter()
            run()
            taken.append(time.perf_counter() - start)
    return [sorted(taken)[times // 2] for taken in found]


def figure(name: str, value: float, bound: float, shown: str, least: bool = False) -> bool:
    """Print a figure beside what is asked."""
    met = value >= bound if least else value <= bound
    sign = "≥" if least else "≤"
    print(f"  {name:58s}{shown:>12s}   asked {sign} {bound:g}: {'met' if met else 'MISSED'}")
    return met


def patterns() -> bool:
    """Time detection and colouring of large Brusselators."""
    print("\nBrusselator: detection and colouring (a recording is made before)")
    met = True
    for side in (32, 64, 128):
        f, x = brusselator(side), np.random.default_rng(0).uniform(0.5, 2, 2 * side * side)
        graph = record(f, (x,), {}, 0)[1]
        found = pattern(graph).matrix
        (finding,) = once(lambda graph=graph: pattern(graph))
        (colouring,) = once(lambda found=found: colour_jacobian(found))
        count = colour_jacobian(found).count
        times = f"detection {unit(finding).strip()}, colouring {unit(colouring).strip()}"
        print(f"  n = {x.size:6,}: {found.nnz:,} entries, {count} colours; {times}")
    met &= figure("n = 32,768: detection, seconds", finding, 1.0, f"{finding:.3f}")
    met &= figure("n = 32,768: colouring, seconds", colouring, 0.5, f"{colouring:.3f}")
    return met & figure("n = 32,768: colours", count, 12, str(count))


def against_dense() -> bool:
    """Compare with the dense Jacobian: prepared, and for a single use."""
    print("\nBrusselator: sparse against dense")
    met = True
    for side in (8, 16, 32, 64):
        f, x = brusselator(side), np.random.default_rng(0).uniform(0.5, 2, 2 * side * side)
        dense, ready = cr.jacobian(f), cr.jacobian(f, sparse=True).prepare(x)
        slow, first = once(
            lambda dense=dense, x=x: dense(x),
            lambda f=f, x=x: cr.jacobian(f, sparse=True)(x),
            times=3 if side == 64 else 25,
        )
        (fast,) = once(lambda ready=ready, x=x: ready(x), times=25)  # again and again, as in use
        print(f"  n = {x.size:6,}: dense {unit(slow)}, sparse {unit(fast)} ({slow / fast:6.1f}×), "
              f"with its preparation {unit(first)} ({slow / first:5.1f}×)")  # fmt: skip
        if side == 16:
            shown = f"{slow / first:.1f}×"
            met &= figure("n = 512: for a single use", slow / first, 1, shown, True)
    return met & figure("n = 8,192: prepared", slow / fast, 300, f"{slow / fast:.0f}×", True)


def banded() -> bool:
    """Compare a Jacobian of 2000 by 500, five entries a row, with JAX's dense one."""
    n, rows = 500, 2000
    at = (np.arange(rows) // 4)[:, None] + np.arange(-2, 3)
    at = np.clip(at, 0, n - 1)
    weights = np.random.default_rng(0).normal(size=(rows, 5))

    def f(x: Any) -> Any:
        return np.tanh(np.sum(weights * x[at] ** 2, axis=1))

    x = np.random.default_rng(1).normal(size=n)
    J = cr.jacobian(f, sparse=True).prepare(x)
    runs = {"chainrule": lambda: J(x), "chainrule, dense": lambda: cr.jacobian(f)(x)}
    try:
        import jax

        jax.config.update("jax_enable_x64", True)
        jnp = jax.numpy

        def g(x: Any) -> Any:
            return jnp.tanh(jnp.sum(weights * x[at] ** 2, axis=1))

        for name, derive in (("jax jit(jacfwd)", jax.jacfwd), ("jax jit(jacrev)", jax.jacrev)):
            theirs = jax.jit(derive(g))
            np.testing.assert_allclose(J(x).toarray(), np.asarray(theirs(x)), 1e-10, 1e-12)
            runs[name] = lambda theirs=theirs: theirs(x).block_until_ready()
    except ImportError:
        pass
    title = f"Banded Jacobian, {rows} × {n}: {J.colours.count} products"
    return report(title, compare(runs), {"jax jit(jacfwd)": 0.5, "jax jit(jacrev)": 0.5})


def counts() -> bool:
    """Count the products of well-known patterns."""
    print("\nProducts")
    n = 10_000

    def arrow(x: Any) -> Any:
        return np.concatenate([[np.sum(x**2)], x[1:] * x[0]])

    found = cr.jacobian(arrow, sparse=True).prepare(np.ones(n)).colours
    met = figure("arrowhead, n = 10,000: rows and columns", found.count, 3, str(found.count))
    path = cr.hessian(lambda x: np.sum(x[1:] * x[:-1]), sparse=True).prepare(np.ones(n))
    met &= figure("path without a diagonal: star", path.colours.count, 2, str(path.colours.count))
    tridiagonal = sparse.csr_array(sparse.diags_array([np.ones(n - 1), np.ones(n), np.ones(n - 1)],
                                                      offsets=(-1, 0, 1)), dtype=bool)  # fmt: skip
    for kind, least in (("star", 3), ("acyclic", 2)):  # two star colours cannot be: decision 0031
        start = time.perf_counter()
        count = colour_hessian(tridiagonal, kind).count
        taken = unit(time.perf_counter() - start).strip()
        met &= figure(f"tridiagonal with its diagonal: {kind} ({taken})", count, least, str(count))
    return met


def solver() -> None:
    """Compare `least_squares` with exact sparse Jacobians and with grouped differences."""
    from chainrule.scipy import least_squares

    def broyden(x: Any) -> Any:
        f = (3 - x) * x + 1
        f[1:] -= x[:-1]
        f[:-1] -= 2 * x[1:]
        return f

    x = -np.ones(5000)
    given = cr.jac_sparsity(broyden)(x)
    runs = {
        "chainrule": lambda: least_squares(broyden, x, jac="sparse"),
        "chainrule, pattern given": lambda: least_squares(broyden, x, jac_sparsity=given),
        "SciPy, differences, pattern given": lambda: optimize.least_squares(
            broyden, x, jac_sparsity=given),
    }  # fmt: skip
    report("Broyden's tridiagonal system, 5,000 unknowns, least_squares", compare(runs), {})


if __name__ == "__main__":
    met = [patterns(), against_dense(), banded(), counts()]
    solver()
    sys.exit(not all(met))

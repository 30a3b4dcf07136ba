"""Programs that were refused, or failed within, and have the right gradient now."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainRuleError

from .test_cures import program, right

# ruff: noqa: E501

BODIES = [
    # integrals
    "return scipy.integrate.quad_vec(lambda t: np.sin(t * x) * (1 + 2j), 0, x[2])[0].imag.sum()",
    "z = x[0] + 1j * x[1]\nreturn scipy.integrate.quad(lambda t: np.abs(np.exp(z * t)) ** 2, 0, x[2])[0]",
    "return scipy.integrate.quad(lambda t: np.sin(t * x[0]) * (1 + 1j), 0, 1)[0]",
    "return cr.vmap(lambda a: scipy.integrate.quad(lambda t: t * t * a, 0, a)[0])(x).sum()",
    "def fun(t, y):\n    return np.stack([y[1], -x[0] * y[0]])\ndef bc(a, b):\n    return np.array([a[0], b[0] - 1])\nsol = scipy.integrate.solve_bvp(fun, bc, np.linspace(0, 1, 5), np.zeros((2, 5)), tol=1e-9).sol\nreturn sol(0.3, 1)[0] + sol(0.55, 2)[0] + sol(x[2], 3)[0] + sol(0.2, 4)[0]",
    "return scipy.optimize.milp(x, constraints=scipy.optimize.LinearConstraint([[1.0, 1, 1]], 2.5), bounds=(0, 2)).fun",
    # derivatives that a solver calls by themselves
    "f = lambda z: ((z - x) ** 2 + x * z**2).sum()\nreturn (scipy.optimize.minimize(f, np.zeros(3), jac=cr.grad(f), tol=1e-12).x ** 2).sum()",
    "f = lambda z: ((z - x) ** 2 + x * z**2).sum()\nreturn (scipy.optimize.minimize(f, np.zeros(3), jac=cr.grad(f), hessp=lambda z, v: cr.hvp(f, z, v), method='Newton-CG', tol=1e-12).x ** 2).sum()",
    "f = lambda z: ((z - x) ** 2 + x * z**2).sum()\nreturn (scipy.optimize.minimize(cr.value_and_grad(f), np.zeros(3), jac=True, tol=1e-12).x ** 2).sum()",
    "f = lambda z: z**3 + z - x\nreturn (scipy.optimize.root(f, np.ones(3), jac=cr.jacobian(f), tol=1e-13).x ** 2).sum()",
    "f = lambda z: z**3 + z - x\nreturn (scipy.optimize.least_squares(f, np.ones(3), jac=cr.jacobian(f), xtol=1e-15, ftol=1e-15, gtol=1e-15).x ** 2).sum()",
    "return np.bincount([0, 1, 1], weights=[x[0], x[1], x[2] ** 2]) @ np.array([1.0, 2.0])",
    # fits that are formulas
    *(f"loc, scale = scipy.stats.{name}.fit(np.append(x, 0.9))\nreturn loc * x[0] + scale" for name in ("norm", "expon", "uniform", "laplace")),
    # matrices
    "A = np.outer(x, x)[:, :2] + np.eye(3)[:, :2]\nr, q = sl.rq(A)\nreturn (r * np.arange(6.0).reshape(3, 2)).sum() + q[0, 1]",
    "A, M = sp.csr_array(np.diag(x)), sp.csr_array(np.diag(1 + x**2))\nw, v = spla.eigsh(A, 1, M, which='LA')\nreturn w[0] + v[1, 0] ** 2",
    "A = sp.coo_array(x * x)\nreturn A @ np.arange(3.0)",
    "A = sp.coo_array(np.arange(12.0).reshape(2, 2, 3))\nreturn (A @ x * np.arange(4.0).reshape(2, 2)).sum()",
    "A = spla.aslinearoperator(np.arange(9.0).reshape(3, 3))\nreturn (A @ x * x).sum() + A.rmatvec(x)[0] * x[1]",
    "A = spla.LinearOperator((3, 3), matvec=lambda v: (3 + x) * v)\nreturn spla.gmres(A, np.ones(3), rtol=1e-13)[0].sum()",
    "A = spla.aslinearoperator(np.diag([1.0, 2, 3]))\nreturn (A * x[0] @ x).sum() + (x[1] * A @ x)[0] + (A / x[2] @ x)[1]",
    "A = sp.csc_array(np.diag(3 + x) + np.outer(x, x))\nM = spla.LinearOperator((3, 3), spla.splu(A).solve)\nreturn spla.gmres(A, np.ones(3), M=M, rtol=1e-13)[0].sum()",
    "A = sp.csc_array(np.diag(3 + x) + np.outer(x, x))\nM = spla.LinearOperator((3, 3), spla.spilu(A).solve)\nreturn spla.gmres(A, np.ones(3), M=M, rtol=1e-13)[0].sum()",
    "A = sp.csc_array(np.diag(3 + x) + np.outer(x, x))\nlu = spla.splu(A)\nreturn np.log(np.abs(lu.U.diagonal())).sum() + lu.L.sum()",
    "A = sp.csc_array(np.diag(x))\nreturn x[0] * spla.splu(cr.stop_gradient(A)).U.sum() + x[1] * spla.onenormest(cr.stop_gradient(A))",
    # graphs, images, splines
    "image = np.outer(x, x)\nlabels, n = scipy.ndimage.label(image > 0.3)\nreturn sum(c[0] for c in scipy.ndimage.center_of_mass(image, labels, range(1, n + 1))) + scipy.ndimage.sum_labels(image, labels, range(1, n + 1)).sum()",
    "return (csgraph.dijkstra(np.outer(x, x), indices=[0, 1], min_only=True) * x).sum()",
    "return csgraph.dijkstra(np.outer(x, x), limit=10 * x[0])[0, 2]",
    "return (csgraph.laplacian(np.outer(x, x), dtype=float) @ x)[0]",
    "return scipy.ndimage.mean(x, labels=np.round(x), index=np.round(x[0]))",
    # systems of lists
    "return np.abs(scipy.signal.freqresp(scipy.signal.ZerosPolesGain([x[1]], [-x[0], -2.0], x[2]), w=[1.0])[1]).sum()",
    "return scipy.signal.lti([x[1]], [-x[0], -2.0], x[2]).to_tf().num.sum() * x[0]",
    "return scipy.signal.ZerosPolesGain([], [-x[0], -2.0], x[2]).to_ss().A.sum()",
    "return scipy.signal.dlti([x[1]], [x[0] / 2, 0.1], x[2], dt=0.1).to_tf().den.sum() * x[1]",
    "return scipy.signal.ZerosPolesGain((x[1],), (-x[0], -2.0), 1.0).to_tf().den[1] * x[1]",
    "return si.BPoly(np.outer(x, x), [0, 1, 2, 3])(x[0])[()]",
]


@pytest.mark.parametrize("body", BODIES, ids=str)
def test_is_right(body: str) -> None:
    right(program(body))


def test_equal_functions_of_two_files_have_lines_of_their_own() -> None:
    for f in (program("return x[1] * len(x.tobytes())") for _ in range(2)):
        with pytest.raises(ChainRuleError) as caught:
            cr.grad(f)(np.ones(3))
        assert f"{f.__code__.co_filename}:" in caught.value.where


FROZEN = {
    "made": "y = x * 2",
    "zeros": "y = np.zeros(3)\ny[:] = x * x",
    "argument": "y = x",
    "view": "y = (x * 2)[:2]",
}


@pytest.mark.parametrize("how", ["setflags(write=False)", "setflags(0)", "flags.writeable = False"])
@pytest.mark.parametrize("made", FROZEN)
def test_an_array_that_the_program_freezes(made: str, how: str) -> None:
    frozen = f"{FROZEN[made]}\ny.{how}\nassert not y.flags.writeable\n"
    right(program(frozen + "return (y**2).sum()"))
    right(program(frozen + "z = y.copy()\nz[0] = z[1]\nreturn (z**2).sum()"))
    if made in ("made", "zeros"):  # limits.md says so of arguments; it is not known of a view
        with pytest.raises(ValueError, match="read-only"):
            cr.grad(program(frozen + "y[0] = 1.0\nreturn (y**2).sum()"))(np.ones(3))
    x = np.ones(3)
    cr.grad(program(frozen + "return (y**2).sum()"))(x)
    assert x.flags.writeable  # the caller's stays its own

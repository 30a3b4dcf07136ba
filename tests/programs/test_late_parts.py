"""Parts of SciPy that are imported when a traced function first names them."""

import subprocess
import sys

import pytest

CALLS = {
    "linalg": "scipy.linalg.expm(x * np.ones((2, 2))).sum()",
    "stats": "scipy.stats.norm.logpdf(x, 0.2, 1 + x)",
    "integrate": "scipy.integrate.quad(lambda t: np.exp(-x * t), 0, 1)[0]",
    "inner": "scipy.sparse.linalg.spsolve(scipy.sparse.csc_matrix(np.eye(2) * x), np.ones(2))[0]",
}


@pytest.mark.parametrize("part", CALLS)
def test_a_part_of_scipy_that_is_first_named_in_a_trace(part: str) -> None:
    code = (
        "import numpy as np, scipy, chainrule as cr\n"
        f"f = lambda x: {CALLS[part]}\n"
        "got = cr.grad(f)(0.7)\n"
        "assert abs(got - (f(0.7 + 1e-6) - f(0.7 - 1e-6)) / 2e-6) < 1e-6 * (1 + abs(got))\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)

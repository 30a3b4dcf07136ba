"""A matrix made of a traced array, in every format: it is asked and changed as SciPy's own."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import chainrule as cr
from chainrule.errors import ChainRuleError

FORMATS = [f"{name}_{kind}" for kind in ("matrix", "array")
           for name in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")]  # fmt: skip
X = np.array([0.5, 1.5, 2.0])
B = sp.csr_array(np.array([[1.0, 0, 2], [0, 3, 0], [4, 0, 5]]))


def dense(x: Any) -> Any:
    return np.array([[x[0], 0.0, x[1]], [0.0, x[2], 0.0], [1.0, 0.0, x[0] * x[1]]])


def _does(statement: str) -> Callable[[Any, Any], Any]:
    def does(a: Any, x: Any) -> Any:
        names = {"A": a, "x": x, "B": B if isinstance(a, sp.sparray) else sp.csr_matrix(B)}
        exec(statement, names)
        return names["A"].toarray().sum() + (names["A"].tocoo().toarray() ** 2).sum()

    return does


def _gives(expression: str) -> Callable[[Any, Any], Any]:
    names = {"np": np, "sp": sp}

    def gives(a: Any, x: Any) -> Any:
        b = B if isinstance(a, sp.sparray) else sp.csr_matrix(B)
        found = eval(expression, names, {"A": a, "x": x, "B": b})
        found = found.sum() if sp.issparse(found) else np.sum(found)
        return found * x[0]

    return gives


GIVES = (
    "A[0, 0]", "A[-1, -1]", "A[0]", "A[:, 1]", "A[0:2]", "A[::2]", "A[[0, 1], [0, 1]]",
    "A[:, [0, 2]]", "A[np.ix_([0, 2], [0, 2])]", "A[np.array([True, False, True])]", "A[B > 0]",
    "A[A.toarray() > 1]", "A[1].toarray()", "A.tocsc()[0, 2]", "A.asformat('csr')[2, 2]",
    "A.count_nonzero()", "A.nnz", "A.nonzero()[0]", "A.sqrt()", "A.sign()", "A.tan()",
    "A.nanmax()", "A + A", "A + B", "B + A", "A - B", "A @ A", "B @ A", "A.dot(A)",
    "A.multiply(A)", "A.multiply(B)", "A.maximum(A.T)", "A.astype(float)", "len(repr(A))",
    "A.max(axis=0)", "sp.hstack([A, B])", "sp.kron(A, A)", "A.argmax()", "abs(A)", "A.size",
)  # fmt: skip
DOES = (
    "A.setdiag(x[:2] * 3, k=1)", "A.setdiag(x)", "A *= x[0]", "A.resize(2, 2)", "A += A",
    "A.eliminate_zeros()", "A.sum_duplicates()", "A[0, 1] = x[1]", "A.prune()",
)  # fmt: skip
PROGRAMS = {**{t: _gives(t) for t in GIVES}, **{t: _does(t) for t in DOES}}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.filterwarnings("ignore")
def test_as_scipy_does(name: str, program: str) -> None:
    make = getattr(sp, name)

    def f(x: Any) -> Any:
        return PROGRAMS[program](make(dense(x)), x)

    try:
        want = [(f(X + 1e-6 * e) - f(X - 1e-6 * e)) / 2e-6 for e in np.eye(3)]
    except Exception:  # SciPy does not do that in this format
        pytest.skip("not of this format")
    try:
        got = cr.grad(f)(X)
    except ChainRuleError as error:
        got = np.nan if "‹" in str(error) else want
    assert np.allclose(got, want, atol=1e-6)

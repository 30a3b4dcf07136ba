"""What SciPy answers in the form dia, bsr, lil or dok is in that form with traced entries, too.

Each program makes a matrix, another one of it, stores into one of the two, and reads.
"""

import linecache
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import chainrule as cr
from chainrule.errors import ChainRuleError

X = np.array([0.7, 1.3, 2.1])
MADE = {
    "dia": "d = np.stack([x * 2, x * 3]); A = sp.dia_array((d, [0, 1]), shape=(3, 3))",
    "dia, wide": "d = np.stack([x * 2, x * 3]); A = sp.dia_matrix((d, [1, -2]), shape=(4, 3))",
    "dia, copy": "d = np.stack([x, x]); A = sp.dia_array((d, [0, 1]), shape=(3, 3), copy=True)",
    "diags": "d = x * 2; A = sp.diags([d, x[:2]], [0, 1])",
    "dense": "d = np.outer(x, x); A = sp.dia_array(d)",
    "bsr": "d = np.outer(x, x)[:2, :2] * np.ones((2, 2, 2)); "
           "A = sp.bsr_array((d, [0, 1], [0, 1, 2]), shape=(4, 4))",
    "bsr, not sorted": "d = np.outer(x, x)[:2, :2] * np.arange(1.0, 4)[:, None, None]; "
                       "A = sp.bsr_matrix((d, [1, 0, 0], [0, 2, 3]), shape=(4, 4))",
    "csr": "d = x * 2; A = sp.csr_array((d, [1, 0, 2], [0, 1, 2, 3]), shape=(3, 3))",
    "coo": "d = x * 2; A = sp.coo_array((d, ([0, 1, 2], [1, 0, 2])), shape=(3, 3))",
    "lil": "d = np.outer(x, x); A = sp.lil_array(d)",
    "dok": "d = np.outer(x, x); A = sp.dok_matrix(d)",
}  # fmt: skip
OPERATIONS = (
    "A", "A * 1.0", "A * x[0]", "A / x[1]", "A.astype(float)", "A.astype(float, copy=False)", "A.T",
    "A.transpose(copy=True)", "A.conj()", "A.conjugate(copy=False)", "A.copy()", "A + A", "A @ A",
    "A - 0.5 * A", "A.real", "A.power(2)", "A.sqrt()", "A.multiply(A)", "A.maximum(0 * A)",
    "A.todia()", "A.tobsr()", "A.tobsr((1, 1))", "A.tolil()", "A.todok()", "A.tocsr()", "A.tocoo()",
    "A.tocoo(copy=False)", "A.reshape(1, -1)", "type(A)(A)", "type(A)(A, copy=True)",
    "sp.csr_array(A)", "sp.dia_matrix(A)", "sp.bsr_array(A)", "sp.lil_array(A)",
    "sp.dok_matrix(A, copy=True)", "sp.hstack([A, A], format='dia')", "sp.tril(A, format='lil')",
)  # fmt: skip
STORES = (
    "pass", "B.data[0] = 3.0", "A.data[0] = x[1]", "d[0] = 5.0", "d[-1] = x[0] * x[1]",
    "B *= x[0]", "A /= x[0]", "A.data *= x[2]", "A.data = A.data * x[0]", "B.setdiag(x[:2])",
    "A.setdiag(x[1], 1)", "B.sum_duplicates()", "B[0, 1] = x[0] * 5",
)  # fmt: skip
SEEN = (
    "sum(k * np.sum(np.reshape(np.arange(1.0, M.shape[0] * M.shape[1] + 1), M.shape) "
    "* np.asarray(M.toarray()) ** 2) for k, M in enumerate((A, B), 1))"
)
READS = (
    "B.data[0].sum()", "B.data.ravel()[-1] * x[0]", "B.data.ndim * B.sum()",
    "B.data.shape[-1] * B.sum()", "sum(map(ord, B.format)) * B.sum()", "B.nnz * B.sum()",
    "B.offsets[0] * B.sum()", "B.blocksize[0] * B.sum()", "B.indices.sum() * B.sum()",
    "B.indptr.sum() * B.sum()", "B.tocoo().data[0] * x[0]", "B.tocoo().data[-1] * x[0]",
    "B.diagonal().sum()", "B.todia().data[0].sum()", "B.tobsr().data[0].sum()",
    "len(repr(B)) * x[0]", "sp.linalg.norm(B)",
    "(isinstance(B, sp.dia_array) + 2 * isinstance(B, sp.bsr_array)) * B.sum()",
    "len(type(B).__name__) * B.sum()",
)  # fmt: skip


def program(made: str, operation: str, store: str, read: str) -> Callable[[Any], Any]:
    lines = [*made.split("; "), f"B = {operation}", store, f"return {read}"]
    text = "def f(x):\n" + "".join(f"    {line}\n" for line in lines)
    name = f"<{hash(text)}>"
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    names: dict[str, Any] = {"np": np, "sp": sp}
    exec(compile(text, name, "exec"), names)
    f: Callable[[Any], Any] = names["f"]
    return f


def compared(f: Callable[[Any], Any], label: str) -> bool:
    """Compare with SciPy and differences; say whether it was answered."""
    try:
        value = f(X.copy())
        slopes = [(f(X + e) - f(X - e)) / 2e-5 for e in 1e-5 * np.eye(3)]
    except Exception:  # SciPy's own refusal
        return True
    if np.ndim(value):
        return True
    try:
        found, slope = cr.value_and_grad(f)(X)
    except ChainRuleError:
        return False
    np.testing.assert_allclose(found, value, rtol=1e-11, err_msg=label)
    np.testing.assert_allclose(slope, slopes, rtol=1e-5, atol=1e-5, err_msg=label)
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("made", MADE)
def test_as_scipy_answers(made: str, operation: str) -> None:
    k = OPERATIONS.index(operation) + list(MADE).index(made)
    stores, reads = STORES[k % 9 :: 9], READS[k % 9 :: 9]  # all of them, each in some of the cases
    told = [compared(program(MADE[made], operation, "pass", r), r) for r in reads]
    told += [compared(program(MADE[made], operation, s, SEEN), s) for s in stores]
    assert any(told)


def test_the_numbers_outside_a_dia_matrix_are_refused_where_they_are_not_known() -> None:
    def f(x: Any) -> Any:
        A = sp.dia_array((np.stack([x, x]), [0, 1]), shape=(3, 3))
        B = A + sp.dia_array(np.triu(np.outer(x, x)) * np.array([1.0, 0.0, 1.0]))
        return B.data[1].sum() if read else B.sum()

    read = False
    wanted = [(f(X + e) - f(X - e)) / 2e-5 for e in 1e-5 * np.eye(3)]
    np.testing.assert_allclose(cr.grad(f)(X), wanted, rtol=1e-6)
    read = True
    with pytest.raises(ChainRuleError, match=r"B\.diagonal\(k\)"):
        cr.grad(f)(X)


def test_the_data_of_a_dia_matrix_are_the_array_that_it_was_made_of() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(3)
        seen = sp.dia_matrix((y[None], [0]), shape=(3, 3)).data
        y[:] = x
        return np.sum(seen**2)

    np.testing.assert_allclose(cr.grad(f)(X), 2 * X)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "dia", "bsr", "lil", "dok"])
@pytest.mark.parametrize("method", ["toarray", "todense"])
def test_a_dense_array_that_is_given(kind, method):
    def f(p):
        A = getattr(sp, kind + "_array")(np.array([[p, 2.0], [0.0, 3.0]]))
        out = np.zeros((2, 2))
        getattr(A, method)(out=out)
        return out.sum()

    assert cr.value_and_grad(f)(1.5) == (6.5, 1.0)

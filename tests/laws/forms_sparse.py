"""Sparse matrices of SciPy, plain or of traced entries: products, solutions, and the methods."""

from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from numpy.lib import stride_tricks

from .forms import form

PLAIN = sp.csr_array(np.array([
    [4.0, 1.0, 0.0, 0.0], [0.0, 5.0, 0.0, 2.0], [1.5, 0.0, 6.0, 0.0], [0.0, 0.0, 1.0, 4.5]
]))  # fmt: skip
OLD = sp.csr_matrix(PLAIN)
SYMMETRIC = sp.csr_array(PLAIN + PLAIN.T)
PLACES = [0, 1, 2, 2, 3], [0, 1, 1, 1, 3]  # one place stands twice
TIGHT = {"rtol": 1e-13, "atol": 0.0}


@form(((4,),), ((4, 2),))
def products_of_a_plain_sparse_matrix(x: Any) -> Any:
    return PLAIN @ x, PLAIN.T @ x, PLAIN.dot(x), x.T @ PLAIN, OLD * x, PLAIN.tocoo() @ x


@form(((4,), ()))
def sparse_matrices_with_arrays_and_numbers(x: Any, c: Any) -> Any:
    whole = np.outer(x, x)
    return (
        PLAIN.multiply(x).toarray(), (PLAIN * c) @ x, (PLAIN / (c * c + 1)) @ x, PLAIN + whole,
        whole - PLAIN, (sp.csr_array(np.eye(4)) + c * PLAIN).toarray(),
    )  # fmt: skip


@form(((5,), (4,)), ((5,), (4, 2)))
def products_of_traced_entries(data: Any, x: Any) -> Any:
    a = sp.csr_array((data, PLACES), shape=(4, 4))
    b = sp.coo_array((data, PLACES), shape=(4, 4))
    return a @ x, a.T @ x, b @ x, x.T @ a, a.tocsc() @ x


@form(((5,),))
def methods_of_traced_entries(data: Any) -> Any:
    a = sp.csr_array((data, PLACES), shape=(4, 4))
    rest = 2.0 * a + PLAIN - a
    return (
        a.toarray(), a.sum(), a.sum(axis=0), a.mean(), a.trace(), a.diagonal(), a[2, 1],
        a[1:, :2].toarray(), rest.toarray(), a.power(2).toarray(), (-a).multiply(a).toarray(),
        a.tocoo().toarray(), sp.csc_array(a).toarray(),
    )  # fmt: skip


@form(((4,), ()))
def diagonal_matrices(x: Any, c: Any) -> Any:
    second = sp.diags_array([1.0, -2.0 * c, 1.0], offsets=[-1, 0, 1], shape=(4, 4))
    third = sp.dia_array((np.stack([x, x * x]), [0, 1]), shape=(4, 4))
    assert isinstance(third, sp.dia_array)
    return (
        third.T @ x, (2.0 * third - third @ second).toarray(), third.tocsc()[0, 1],
        sp.diags(x) @ x, second @ x, sp.diags([x, x[:3]], [0, 1]).toarray(),
        sp.dia_array((np.stack([x, x * x]), [0, 1]), shape=(4, 4)) @ x,
    )  # fmt: skip


def three(x: Any) -> Any:
    """Make a matrix of traced entries that is regular, and not symmetric."""
    return sp.diags_array([x[:3], 4 + x * x, np.tanh(x[1:])], offsets=[-1, 0, 1], format="csc")


def positive(x: Any) -> Any:
    """Make a positive definite matrix of traced entries."""
    low = np.tanh(x[:3])
    return sp.diags_array([low, 4 + x * x, low], offsets=[-1, 0, 1], format="csr")


@form(((5,),))
def products_of_sparse_matrices(data: Any) -> Any:
    a = sp.csr_array((data, PLACES), shape=(4, 4))
    old = sp.csc_matrix((data, PLACES), shape=(4, 4))
    middle = OLD.T * sp.diags(data[:4]) * OLD
    return (
        (a @ a).toarray(), (PLAIN @ a).toarray(), (a @ PLAIN.tocsc()).toarray(),
        a.dot(PLAIN).sum(), (old * OLD).toarray(), (OLD @ old).toarray(), middle.toarray(),
        (old * old) @ np.arange(4.0), (old**2).toarray(), (2.0 * old - OLD * data[0]).toarray(),
    )  # fmt: skip


@form(((5,),))
def sparse_matrices_of_blocks(data: Any) -> Any:
    a = sp.csr_array((data, PLACES), shape=(4, 4))
    old = sp.csr_matrix((data, PLACES), shape=(4, 4)).tocoo()
    return (
        sp.hstack([a, PLAIN]).toarray(), sp.vstack([OLD, old], format="csc").toarray(),
        sp.bmat([[old, None], [OLD, 2.0 * old]]).toarray(),
        sp.block_array([[a, PLAIN], [None, a.T]]).toarray(), sp.block_diag([a, PLAIN]).toarray(),
        sp.block_diag([np.outer(data, data), PLAIN]).toarray(),
        sp.kron(a, PLAIN).toarray(), sp.kron(sp.eye_array(2), a, format="csr").toarray(),
        sp.kronsum(a, PLAIN).toarray(), sp.tril(a).toarray(), sp.triu(a, 1).toarray(),
        sp.find(a)[2], sp.csr_array(old).toarray(), sp.csc_matrix(a).toarray(),
    )  # fmt: skip


@form(((5,),))
def sparse_matrices_assembled_entry_by_entry(x: Any) -> Any:
    made = []
    for kind in (sp.lil_matrix, sp.lil_array, sp.dok_matrix, sp.dok_array):
        k = kind((4, 4))
        for e in range(3):
            rows = np.array([e, e + 1])
            k[np.ix_(rows, rows)] += x[e] * np.array([[1.0, -1.0], [-1.0, 1.0]])
            k[e, 3 - e] = x[e] ** 2
            k[e, e] += x[4]
        k[0, :] = 0.0
        k[0, 0] = x[3]
        made.append(k.tocsr().toarray())
        made.append(k.tocsc() @ x[:4])
    rows = PLAIN.copy()
    rows[0, 1] = x[0]
    rows[2, 3] = x[1] * x[2]
    rows.setdiag(x[:4])
    return (*made, rows @ x[:4], rows.toarray())


@form(((8,),))
def data_of_a_plain_sparse_matrix_replaced(data: Any) -> Any:
    a = PLAIN.copy()
    a.data = data
    b = OLD.copy()
    b.data = data**2
    return (
        a @ np.arange(4.0), a.T @ np.arange(4.0), a.toarray(), (a + PLAIN).toarray(),
        b.dot(PLAIN).toarray(), sl.spsolve((b + 9 * sp.eye(4)).tocsc(), np.ones(4)),
        a.sum(axis=1), a.diagonal(),
    )  # fmt: skip


@form(((4,),), ((4, 2),))
def solutions_of_plain_sparse_systems(b: Any) -> Any:
    factors = sl.splu(PLAIN.tocsc())
    return sl.spsolve(PLAIN, b), factors.solve(b), factors.solve(b, "T")


@form(((4,), (4,)))
def solutions_of_sparse_systems(x: Any, b: Any) -> Any:
    a = three(x)
    low = sp.csr_array(sp.tril(PLAIN)) * (2.0 + np.tanh(x[0]))
    return (
        sl.spsolve(a, b), sl.splu(a).solve(b), sl.factorized(a)(b), sl.spsolve(a, b[:, None]),
        sl.spsolve_triangular(low, b), sl.spilu(PLAIN.tocsc()).solve(b),
    )  # fmt: skip


@form(((4,), (4,)))
def factors_of_sparse_systems(x: Any, b: Any) -> Any:
    factors = sl.splu(three(x).tocsc())
    return factors.L @ b, factors.U.diagonal(), factors.U.T @ b


@form(((4,),))
def iterative_solutions_of_plain_systems(b: Any) -> Any:
    return (
        sl.cg(SYMMETRIC, b, **TIGHT)[0], sl.minres(SYMMETRIC, b, rtol=1e-13)[0],
        sl.gmres(PLAIN, b, **TIGHT)[0],
    )  # fmt: skip


@form(((4,), (4,)))
def iterative_solutions(x: Any, b: Any) -> Any:
    dense = np.outer(x, x) + 12 * np.eye(4)
    return (
        sl.cg(positive(x), b, **TIGHT)[0], sl.bicgstab(three(x), b, **TIGHT)[0],
        sl.gmres(dense, b, **TIGHT)[0],
    )  # fmt: skip


@form(((4,),))
def exponential_and_norm(x: Any) -> Any:
    return sl.expm_multiply(PLAIN, x), sl.norm(three(x)), sl.aslinearoperator(PLAIN) @ x


@form(((6,),))
def memory_laid_anew(x: Any) -> Any:
    x = np.ascontiguousarray(x)  # else it is refused: strides would lead to what is not its own
    y, step, one = x * 1.0, x.strides[-1], x.dtype.itemsize
    return (
        stride_tricks.as_strided(x, (4, 3), (step, step)), stride_tricks.as_strided(y, (2,)),
        stride_tricks.as_strided(y, (3, 2), (2 * one, one)),
    )  # fmt: skip

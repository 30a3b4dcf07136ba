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
    return (
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
    y, step, one = x * 1.0, x.strides[-1], x.dtype.itemsize
    return (
        stride_tricks.as_strided(x, (4, 3), (step, step)), stride_tricks.as_strided(y, (2,)),
        stride_tricks.as_strided(y, (3, 2), (2 * one, one)),
    )  # fmt: skip

"""`scipy.sparse.linalg`: functions of sparse matrices, as norms, inverses and exponentials."""

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse import linalg

from ....core.op import Notation, Op
from ....core.registry import add, composite
from ....core.slots import Linear
from ...declare import as_array
from ..common import global_state, own_stream, refusal, traced
from .direct import spsolve
from .entries import norm_of
from .forms import Form
from .matrices import behind, followable, is_traced, of_dense, plain_matrix, whole
from .operators import columns, is_operator
from .settled import settle

MOST = 2000  # the largest side of a matrix that is differentiated by its dense form


def full(a: Any, name: str) -> Any:
    """Return the dense form of a sparse matrix or linear operator, where that is small enough."""
    if max(a.shape) > MOST:
        raise refusal(
            f"scipy.sparse.linalg.{name} of a matrix with a side of {max(a.shape)}",
            f"its derivative is that of the dense matrix, which is made up to {MOST}",
            "differentiate by hand with chainrule.custom_rule; for an eigenvalue compute its "
            "vector v with chainrule.stop_gradient(‹A 0›), and write v @ (‹A 0› @ v)",
        )  # fmt: skip
    if is_operator(a):
        return columns(a)
    return a.toarray() if sp.issparse(a) else as_array(a)



def _exponential_transpose(ct: Any, _b: Any, form: Form) -> Any:
    return exponential_times(ct, form=form.turned)


def _exponential(b: Any, form: Form) -> Any:
    with own_stream():
        found = linalg.expm_multiply(form.matrix, b)
        form.drawn = form.drawn or global_state()
    return found


exponential_times = Op(
    "expm_multiply",
    _exponential,
    (Linear(transpose=_exponential_transpose),),
    batch="loop",
    complex=True,
    notation=Notation("exp({form:A}{form:turn}) {0}", "\\exp({form:A}{form:turn}) {0}", 20,
                      (21,), "linear in the vector"),
)
add(exponential_times)


@composite(linalg.expm_multiply, name="scipy.sparse.linalg.expm_multiply", always=True)
def expm_multiply(A: Any, B: Any, *args: Any, **kwargs: Any) -> Any:
    """Return e^A B; linear in B, and in the entries of A by the dense exponential.

    Errors: time steps, and traced entries of a large matrix, are refused.
    """
    operator = is_operator(A)
    if operator:
        A, given = columns(A), A
    if not (traced(A) or traced(B) or is_traced(A) or traced(args) or traced(kwargs)):
        return linalg.expm_multiply(given if operator else A, B, *args, **kwargs)
    kwargs.pop("traceA", None)
    wanted = [v for v in (*args, *kwargs.values()) if v is not None]
    if wanted:
        raise refusal(
            "scipy.sparse.linalg.expm_multiply with time steps", "it has no rule",
            "write scipy.linalg.expm(t * ‹A 0›.toarray()) @ ‹B 1› for each time t",
        )  # fmt: skip
    if traced(A) or is_traced(A):
        return np.matmul(scipy.linalg.expm(full(A, "expm_multiply")), as_array(B))
    form = Form(A)
    found = exponential_times(as_array(B), form=form)
    global_state(form.drawn)  # as the plain function leaves it
    return found


@composite(linalg.norm, name="scipy.sparse.linalg.norm", always=True)
def norm(x: Any, ord: Any = None, axis: Any = None) -> Any:
    """Return a norm of a sparse matrix, of one with traced entries too."""
    x = followable(x)
    if not is_traced(x):
        return linalg.norm(x, ord, axis)
    settle(x, lambda form: linalg.norm(form, ord, axis))
    if ord in (None, "fro", "f") and axis is None:
        if x.format == "dia" and behind(x) is None:
            return np.linalg.norm(np.ravel(x.data))  # SciPy counts what stands outside, too
        return np.linalg.norm(whole(x)._unique().data)
    return norm_of(x, ord, axis)


@composite(linalg.inv, name="scipy.sparse.linalg.inv", always=True)
def inv(A: Any) -> Any:
    """Return the inverse of a sparse matrix."""
    if not is_traced(A):
        return linalg.inv(A)
    dense = spsolve(A, np.eye(A.shape[0], dtype=A.dtype))
    return of_dense(dense, linalg.inv(plain_matrix(A)))


@composite(linalg.expm, name="scipy.sparse.linalg.expm", always=True)
def expm(A: Any) -> Any:
    """Return the exponential of a sparse matrix, by that of the dense one."""
    if not (is_traced(A) or traced(A)):
        return linalg.expm(A)
    dense = scipy.linalg.expm(full(A, "expm"))
    return of_dense(dense, linalg.expm(plain_matrix(A))) if sp.issparse(A) else dense

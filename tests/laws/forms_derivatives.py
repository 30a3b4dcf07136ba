"""Derivatives as functions: the laws run on the operations that only derivatives meet."""

from typing import Any

import numpy as np
import scipy.sparse.linalg as sl
from scipy import interpolate, linalg

import chainrule
from chainrule.core.op import Const
from chainrule.ops.scipy.linalg.matfuncs import frechet

from .forms import form
from .forms_sparse import TIGHT, positive


@form(((2, 2), (2, 2), (2, 2)))
def derivatives_of_a_matrix_function(a: Any, u: Any, v: Any) -> Any:
    once = lambda a: chainrule.jvp(linalg.expm, (a,), (u,))[1]  # noqa: E731
    return once(a), chainrule.jvp(once, (a,), (v,))[1]


@form((Const(np.array([[0.3]])), *[(1, 1)] * 6))
def sixth_derivative_of_a_matrix_function(a: Any, *es: Any) -> Any:
    return frechet(a, *es, kind="expm", args=())


KNOTS, AT = np.arange(9.0), np.array([3.3, 4.6])


@form(((2,), (2,)))
def transpose_of_a_spline(move: Any, weights: Any) -> Any:
    spline = lambda c: interpolate.BSpline(KNOTS, c, 3)(AT + 0.08 * np.tanh(move))  # noqa: E731
    return chainrule.vjp(spline, np.ones(5))[1](weights)[0]


@form(((4,), (4,)))
def derivative_of_an_iterative_solution(x: Any, v: Any) -> Any:
    f = lambda b: sl.cg(positive(x), b, **TIGHT)[0]  # noqa: E731
    return chainrule.jvp(f, (np.ones(4),), (v,))[1], chainrule.vjp(f, np.ones(4))[1](v)[0]

"""Sparse Jacobians and Hessians as functions: prepared at the first call, then used often."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from .. import limits, tree
from ..api import Argnums, Derived, grad
from ..conform import check_passes
from ..core.graph import Graph
from ..core.settings import undisturbed
from ..errors import (
    ArgnumsError,
    InputTypeError,
    OutputTypeError,
    SparsityError,
    StructureError,
    UsageError,
)
from ..lift import Call, name_of, record, record_call
from ..modes.derived import describe_output
from ..modes.pattern import pattern
from ..tracing.source import describe, user_frame
from ..tracing.tracer import TRACERS, concrete
from .picture import svg, text
from .plan import SYMMETRIC, Form, Layout, Plan, TracedError

Function = Callable[..., Any]


class Prepared:
    """What one sparse derivative knows: its options, and a plan for each form of arguments."""

    def __init__(self, argnums: Argnums, how: str, chunk: int | None, hint: Any) -> None:
        self.argnums, self.how, self.chunk, self.hint = argnums, how, chunk, hint
        self.plans: dict[Any, Plan] = {}
        self.latest: Plan | None = None

    def __getstate__(self) -> Any:
        return {**self.__dict__, "plans": {}, "latest": None}

    def plan(self, graph: Graph, leaves: list[Any]) -> Plan:
        """Return the plan for arguments and results of this form."""
        ins = [(x.shape, x.dtype) for x in graph.inputs]
        outs = [describe_output(leaf) for leaf in leaves]
        key = tuple(ins), tuple((shape, dtype) for shape, dtype, _ in outs)
        found = self.plans.get(key)
        if found is None:
            form = Form(ins, [(shape, dtype, None) for shape, dtype, _ in outs])
            square = form.shape[0] == form.shape[1]  # else some numbers of the argument are held
            hint = None if self.hint is None else _checked(self.hint, form.shape)
            found = Plan(form, self.how if square or self.how not in SYMMETRIC else "auto", hint)
            if len(self.plans) >= _FORMS:
                self.plans.clear()
            self.plans[key] = found
        self.latest = found
        return found


_FORMS = 16  # forms of arguments that are remembered


def _checked(hint: Any, shape: tuple[int, int]) -> Any:
    found = sparse.csr_array(hint if sparse.issparse(hint) else np.asarray(hint), copy=True)
    if found.shape != shape:
        raise StructureError(
            f"the pattern given has shape {found.shape}; the matrix has {shape}",
            where=describe(user_frame(3)),
            why="its rows are the numbers of the result, its columns those of the argument",
            cure="give a pattern of that shape, or sparse=True, which finds it",
        )
    found.data = np.ones(found.nnz, bool)  # what is stored counts, also a zero
    return found


class SparseDerivative(Derived):
    """A sparse Jacobian or Hessian, as a function of the point. Made by ``sparse=True``.

    The first call finds the pattern and colours it; later ones with arguments of the same shapes
    use both again. Each sees whether its recording is one whose pattern is known, and otherwise
    adds what is new: a pattern may change with the values, by a branch or a computed index.

    ``pattern`` is the boolean csr matrix of what was met lately, ``colours`` the `Colouring`; both
    are those of the last call, or of ``prepare(*args)``, which does all but the numbers.
    ``show()`` prints the pattern, ``svg()`` draws it.
    """

    @property
    def prepared(self) -> Prepared:
        """Return what is known from earlier calls."""
        found: Prepared = self.options[0]
        return found

    @undisturbed
    def prepare(self, *args: Any, **kwargs: Any) -> "SparseDerivative":
        """Find the pattern at a point, and colour it; return the function itself."""
        self.run(self.function, args, kwargs, *self.options, only=True)
        return self

    def _plan(self) -> Plan:
        if self.prepared.latest is None:
            raise UsageError(
                f"{self.__name__} has met no point yet, so its pattern is not known",
                where=describe(user_frame(3)),
                why="the pattern is read off a recording of the function",
                cure="call it first, or its prepare: .prepare(x).pattern",
            )
        return self.prepared.latest

    @property
    def pattern(self) -> Any:
        """Return the pattern: a boolean csr matrix, numbers of the result by those of the input."""
        return self._plan().layout.matrix.copy()

    @property
    def colours(self) -> Any:
        """Return the colouring: the colour of each column and row, and how many products."""
        return self._plan().layout.colouring

    def show(self) -> None:
        """Print the pattern; each entry is the number of the product that it is read from."""
        layout = self._plan().layout
        print(text(layout.matrix, layout.colouring))

    def svg(self) -> str:
        """Draw the pattern, in the colours of the products."""
        layout = self._plan().layout
        kind = "Hessian" if self.run is _sparse_hessian else "Jacobian"
        return svg(layout.matrix, layout.colouring, f"{kind} of {name_of(self.function)}")


def sparse_jacobian(
    f: Function, argnums: Argnums, mode: str, chunk: int | None, hint: Any
) -> SparseDerivative:
    """Return the sparse Jacobian of `f`: what ``chainrule.jacobian(f, sparse=True)`` is.

    Formula: J·s = Σ_c Σ_{j: s_j = 1} J_·j, by one product for each colour c of columns (of rows:
    wᵀJ). Shapes: a csr matrix of y.size by x.size, for containers one for each pair of a result
    and an argument. `mode` "fwd" takes columns, "rev" rows, "auto" what needs fewer, or both. A
    pattern in the place of True is used as it is, and checked at every call.

    Raises
    ------
    SparsityError (a pattern that lacks an entry), StructureError (one of another shape),
    InputTypeError and OutputTypeError (complex numbers, arrays of other libraries), UsageError
    (inside a function that is differentiated), MatrixSizeError (too many entries).

    References
    ----------
    A. Curtis, M. J. D. Powell, J. K. Reid, J. Inst. Maths Applics 13 (1974) 117–119;
    T. F. Coleman, J. J. Moré, SIAM J. Numer. Anal. 20 (1983) 187–209.

    >>> import numpy as np, chainrule
    >>> J = chainrule.jacobian(lambda x: x[1:] * x[:-1], sparse=True)
    >>> J(np.array([1.0, 2.0, 3.0])).toarray()
    array([[2., 1., 0.],
           [0., 3., 2.]])
    >>> J.show()
    2 × 3, 4 entries (66.7 %): 2 products J·s, in the place of 3
    0 1 ·
    · 1 0
    """
    return SparseDerivative(_sparse_jacobian, f, Prepared(argnums, mode, chunk, _hint(hint)))


def sparse_hessian(
    f: Function, argnums: Argnums, chunk: int | None, hint: Any
) -> SparseDerivative:
    """Return the sparse Hessian of `f`: what ``chainrule.hessian(f, sparse=True)`` is.

    Formula: H·s, forward over reverse, for each colour s of a star colouring, which reads H_ij or
    H_ji where it stands alone; ``sparse="acyclic"`` takes fewer products and solves for the others.
    Shapes and errors as for `sparse_jacobian`; `f` returns one number.

    References
    ----------
    T. F. Coleman, J. J. Moré, Math. Program. 28 (1984) 243–270; A. H. Gebremedhin, F. Manne,
    A. Pothen, SIAM Review 47 (2005) 629–705.

    >>> import numpy as np, chainrule
    >>> H = chainrule.hessian(lambda x: np.sum(x[1:] * x[:-1] ** 2), sparse=True)
    >>> H(np.array([1.0, 2.0, 3.0])).toarray()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]])
    """
    check_passes("auto", chunk)
    how = "star"
    if isinstance(hint, str):
        how, hint = hint, True
        if how not in ("star", "acyclic"):
            raise ArgnumsError(
                f"sparse={how!r} is unknown",
                where=describe(user_frame(2)),
                cure="choose True, 'star', 'acyclic', or give a pattern",
            )
    return SparseDerivative(_sparse_hessian, f, Prepared(argnums, how, chunk, _hint(hint)))


def _hint(sparse_: Any) -> Any:
    if sparse_ is True:
        return None
    if isinstance(sparse_, str) or not (sparse.issparse(sparse_) or np.ndim(sparse_) == 2):
        raise ArgnumsError(
            f"sparse={sparse_!r} is no pattern",
            where=describe(user_frame(3)),
            cure="write sparse=True, or give a sparse matrix or a table of two axes that marks "
            "the entries that may differ from 0",
        )
    return sparse_


def _sparse_jacobian(
    f: Function, args: Any, kwargs: Any, known: Prepared, only: bool = False
) -> Any:
    """Compute the sparse Jacobian of a function."""
    return _computed(f, f, args, kwargs, known, only)


def _sparse_hessian(
    f: Function, args: Any, kwargs: Any, known: Prepared, only: bool = False
) -> Any:
    """Compute the sparse Hessian of a function."""
    return _computed(f, grad(f, known.argnums), args, kwargs, known, only)


def _computed(f: Function, g: Function, args: Any, kwargs: Any, known: Prepared, only: bool) -> Any:
    begun = limits.begin()
    call, graph, leaves, treedef = record(g, args, kwargs, known.argnums)
    _check(f, call, leaves)
    plan = known.plan(graph, leaves)
    layout = plan.admit(graph)
    if only:
        limits.take(begun, call.trace)
        return None
    layout, data = _entries(f, call, plan, layout, graph, known)
    outs = leaves
    while limits.due(begun, [data], leaves):
        beside = [layout]

        def evaluate(point: list[Any], beside: list[Layout] = beside) -> list[Any]:
            graph, outs, _ = record_call(call.at(point))
            there, found = _entries(f, call, plan, plan.admit(graph), graph, known)
            if there not in beside:
                beside.append(there)
            return [there.at(beside[0], found), *_numbers(outs)]

        if not np.size(data):  # nothing that could tend to a limit, at this very point
            with contextlib.suppress(Exception):
                evaluate([x + 1e-6 * (1 + abs(x)) for x in call.leaves])
        data, *outs = limits.finish(begun, call.trace, call.leaves, [data, *_numbers(leaves)], 1,
                                    evaluate, name_of(f))  # fmt: skip
        if layout.holds(beside):
            break
        layout = plan.joined(beside)  # around the point there are entries that it does not have
        begun = limits.begin()
        graph, leaves, _ = record_call(call)
        layout, data = _entries(f, call, plan, layout, graph, known)
    _tell(f, layout, data, outs)
    return tree.unflatten(treedef, [call.rebuild(row) for row in layout.matrices(data)])


def _numbers(outs: list[Any]) -> list[Any]:
    return [np.asarray(concrete(y))[()] for y in outs]


def _check(f: Function, call: Call, leaves: list[Any]) -> None:
    """Refuse complex numbers, traced points and arrays of other libraries."""
    for i, leaf in enumerate(call.leaves):
        if type(leaf) in TRACERS:
            raise _nested(f)
        if type(leaf) is not np.ndarray and not isinstance(leaf, np.generic):
            name = call.names()[i]
            raise InputTypeError(
                f"{name} is an array of another library: a sparse derivative takes NumPy's",
                where=describe(user_frame(3)),
                cure=f"pass np.asarray({name}), or take the dense derivative",
            )
        if leaf.dtype.kind == "c":
            raise InputTypeError(
                f"{call.names()[i]} is complex; a sparse derivative is by real numbers",
                where=describe(user_frame(3)),
                cure="differentiate with respect to the real and the imaginary part: "
                "lambda a, b: f(a + 1j * b), with argnums=(0, 1)",
            )
    for leaf in leaves:
        if np.result_type(concrete(leaf)).kind == "c":
            raise OutputTypeError(
                f"{name_of(f)} returned complex numbers; a sparse derivative is of real ones",
                where=describe(user_frame(3)),
                cure="return the real and the imaginary part, as a pair",
            )


def _nested(f: Function) -> UsageError:
    return UsageError(
        f"the sparse derivative of {name_of(f)} was called in a function that is itself "
        "differentiated, mapped or recorded",
        where=describe(user_frame(3)),
        why="its entries are put into a matrix of SciPy's, which holds plain numbers",
        cure="take the dense one there, or products with it: chainrule.jvp, chainrule.hvp",
    )


def _entries(
    f: Function, call: Call, plan: Plan, layout: Layout, graph: Graph, known: Prepared
) -> tuple[Layout, Any]:
    """Return the entries, checked against a product with the whole matrix, and what they are of."""
    try:
        data, doubtful = layout.evaluate(graph, plan.draw(), known.chunk)
        if not len(doubtful):
            return layout, data
        entry, wrong = layout.compare(graph, data, doubtful, known.chunk)
    except TracedError:
        raise _nested(f) from None
    if entry is None and not wrong:
        return layout, data  # only rounding, as a look at these rows has shown
    if entry is None and layout.how in SYMMETRIC:  # the rules do not make it symmetric here
        return _entries(f, call, plan, plan.without_symmetry(layout), graph, known)
    raise _incomplete(f, call, plan, entry)


def _incomplete(f: Function, call: Call, plan: Plan, entry: Any) -> SparsityError:
    if entry is None:
        what = f"the sparse derivative of {name_of(f)} does not agree with a product with the whole"
    else:
        i, j = entry
        form = plan.form
        k = int(np.searchsorted(form.ins_at, j, "right")) - 1
        shape = form.inputs[k][0]
        at = np.unravel_index(j - form.ins_at[k], shape) if shape else ()
        name = call.names()[k] + (f"[{', '.join(map(str, at))}]" if at else "")
        what = f"the pattern lacks the entry ({i}, {j}): result number {i} of {name_of(f)} " \
               f"depends on {name}"  # fmt: skip
    return SparsityError(
        what,
        where=describe(user_frame(3)),
        why="a product with a random vector is compared at every call, and differs: entries that "
        "the pattern lacks are added to others" if plan.hinted else
        "this is a fault of chainrule, or of a rule that was declared for it",
        cure="add the entry to the pattern, or write sparse=True, which finds them" if plan.hinted
        else "take the dense derivative, and report the function",
    )


def _tell(f: Function, layout: Layout, data: Any, outs: list[Any]) -> None:
    """Warn of derivatives that are numbers, where the value of the function is NaN."""
    if not any(map(limits.undefined, outs)):
        return
    finite = np.where(np.isfinite(data), data, 0)
    most = layout.filled(np.abs(finite)).sum(axis=1)
    ends = layout.form.outs_at
    for value, a, b in zip(outs, ends, ends[1:], strict=False):
        if limits.undefined(value):
            limits.tell_undefined([most[a:b].reshape(*np.shape(value), 1)], value, name_of(f))


class _Sparsity(Derived):
    """The pattern of a Jacobian, as a function of the point."""


def jac_sparsity(f: Function, argnums: Argnums = 0) -> Derived:
    """Return the function that finds the pattern of the Jacobian, for SciPy's ``jac_sparsity=``.

    It returns a boolean csr matrix: its rows are the numbers of the result, its columns those of
    the arguments named, all one after the other. It holds at other points, too, as far as the
    program takes the same branches: an entry that happens to be 0 is in it, masks that are
    computed from values are full, and what is read from computed places may come from anywhere.

    Raises
    ------
    MatrixSizeError (a pattern that is not sparse), and what `jacobian` raises.

    >>> import numpy as np, chainrule
    >>> f = lambda x: x[1:] ** 2 - x[:-1]
    >>> chainrule.jac_sparsity(f)(np.zeros(4)).toarray().astype(int)
    array([[1, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 1]])
    """
    return _Sparsity(_jac_sparsity, f, argnums)


def _jac_sparsity(f: Function, args: Any, kwargs: Any, argnums: Argnums) -> Any:
    """Find the pattern of a Jacobian."""
    begun = limits.begin()
    call, graph, leaves, _ = record(f, args, kwargs, argnums, keep=True)  # masks and places, too
    limits.take(begun, call.trace)
    _check(f, call, leaves)
    return pattern(graph).matrix

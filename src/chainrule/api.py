"""The public derivative functions. Names and signatures follow JAX where JAX has them.

In all formulas: x input, y output, ẋ tangent, ȳ cotangent, J = ∂y/∂x the Jacobian.
"""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from os import environ
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from . import limits, tree
from .conform import (
    check_analytic_gradient,
    check_holomorphic,
    check_one,
    check_passes,
    check_scalar,
    match,
    name_of,
    pair,
    tangents_for,
)
from .core.graph import Graph, Node
from .core.settings import AnewError, left, pause, resume, settings, undisturbed
from .core.zero import holds_nan
from .errors import (
    ArgnumsError,
    ChainRuleError,
    NonScalarOutputError,
    StructureError,
    UsageError,
)
from .lift import (
    Argnums,
    Call,
    check_function,
    deliver,
    examine,
    nan_input,
    no_point,
    output_leaves,
    plain,
    record,
    record_call,
    settle,
    strip,
)
from .modes.derived import blocks
from .modes.forward import Forward, push_graph
from .modes.reverse import backward, cotangent_of
from .tracing.faces import as_python, is_python
from .tracing.foreign import Foreign, admit, leave, under, zeros
from .tracing.recording import Recording
from .tracing.running import running
from .tracing.source import describe, user_frame
from .tracing.stacked import constant, every
from .tracing.tracer import TRACERS, concrete, make_tracer

Function = Callable[..., Any]


@examine.append
def _examine(*call: Any) -> None:
    from .diagnose.searching import examine

    examine(*call)


class Derived:
    """A function made from a user's function; it pickles whenever that one does."""

    def __init__(self, run: Function, function: Function, *options: Any) -> None:
        check_function(function)
        self.run, self.function, self.options = run, function, options
        name = getattr(function, "__name__", type(function).__name__)
        self.__name__ = f"{run.__name__.strip('_')}({name})"
        self.__doc__ = f"{run.__doc__}\n\nThe function: {name}. {function.__doc__ or ''}"
        self.__wrapped__ = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        found, collecting = settings(), pause()
        try:
            try:
                return self.run(self.function, args, kwargs, *self.options)
            except AnewError as error:
                anew = error
            with anew.prepare():
                return self.run(self.function, args, kwargs, *self.options)
        except BaseException:
            left(found)
            raise
        finally:
            resume(collecting)

    def __repr__(self) -> str:
        return f"<chainrule {self.__name__}>"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)


def grad(
    f: Function, argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False,
    nan: str | None = None,
) -> Derived:  # fmt: skip
    """Return the function that computes the gradient of a scalar function.

    Formula: ∇f = Jᵀ·1, by one backward pass whatever the number of inputs.

    Parameters
    ----------
    f : returns one real number (with ``has_aux=True`` a pair of it and anything else).
    argnums : which positional arguments to differentiate; a tuple gives a tuple of gradients.
        Each may be a number, an array, or any nesting of dicts, lists, tuples and dataclasses.
    holomorphic : the function is complex analytic; inputs and output are complex.
    nan : what to do where the value is NaN because an input holds NaN: "raise", or "return" what
        the chain rule gives, for samplers and line searches that reject the step by themselves.
        By default as `nan_inputs` has it, else it raises.

    A gradient has the structure, shapes and dtypes of its argument. For a complex input a + bi
    of a real function it is ∂f/∂a − i·∂f/∂b. Kinks follow the table in ``docs/policy/kinks.md``.

    Raises
    ------
    NonScalarOutputError, InputTypeError, OutputTypeError, ArgnumsError, NonFiniteError (the
    result is NaN because an input held NaN), LostDerivativeError, UnsupportedFunctionError.

    References
    ----------
    S. Linnainmaa, BIT 16 (1976) 146–160; A. Griewank and A. Walther, Evaluating Derivatives,
    2nd ed., SIAM (2008), ch. 3.

    >>> import numpy as np, chainrule
    >>> float(chainrule.grad(lambda x: np.sin((2 * x + 1) ** 2))(0.5))
    -5.2291489669088955
    """
    return Derived(_grad, f, argnums, has_aux, holomorphic, _answer_to_nan(nan))


def value_and_grad(
    f: Function, argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False,
    nan: str | None = None,
) -> Derived:  # fmt: skip
    """Return the function that computes the value and the gradient in one pass.

    As `grad`; the result is ``(value, gradient)``, with ``has_aux=True`` it is
    ``((value, aux), gradient)``.

    >>> import numpy as np, chainrule
    >>> value, slope = chainrule.value_and_grad(np.sin)(0.0)
    >>> float(value), float(slope)
    (0.0, 1.0)
    """
    return Derived(_value_and_grad, f, argnums, has_aux, holomorphic, _answer_to_nan(nan))


_EVERYWHERE = environ.get("CHAINRULE_NAN", "raise")
_nan: ContextVar[str] = ContextVar("chainrule_nan", default=_EVERYWHERE)


@contextmanager
def nan_inputs(answer: str) -> Iterator[None]:
    """Let gradients at a NaN input "raise" `NonFiniteError` within, or "return" NaN.

    It holds for all calls of `grad` and `value_and_grad` within, but for those that say so
    themselves (``nan=``). For a whole process: the environment variable ``CHAINRULE_NAN=return``.

    >>> import numpy as np, chainrule
    >>> with chainrule.nan_inputs("return"):
    ...     value, slope = chainrule.value_and_grad(np.sin)(np.nan)
    >>> float(value), float(slope)
    (nan, nan)
    """
    token = _nan.set(_answer_to_nan(answer) or "raise")
    try:
        yield
    finally:
        _nan.reset(token)


def _answer_to_nan(nan: str | None) -> str | None:
    if nan not in (None, "raise", "return"):
        raise UsageError(
            f"nan={nan!r} is not known", where=describe(user_frame(2)),
            why='what is done at a NaN input is "raise" or "return"',
        )  # fmt: skip
    return nan


def _grad(
    f: Function, args: Any, kwargs: Any, argnums: Argnums, has_aux: bool, holomorphic: bool,
    nan: str | None,
) -> Any:  # fmt: skip
    """Compute the gradient of a function."""
    value, gradient = _value_and_grad(f, args, kwargs, argnums, has_aux, holomorphic, nan)
    return (gradient, value[1]) if has_aux else gradient


def _value_and_grad(
    f: Function, args: Any, kwargs: Any, argnums: Argnums, has_aux: bool, holomorphic: bool,
    nan: str | None,
) -> Any:  # fmt: skip
    """Compute the value and gradient of a function."""
    call = Call(f, args, kwargs, argnums)
    begun = limits.begin()
    returns = (nan or _nan.get()) == "return"
    rec, value, aux, found = _gradient(f, call, has_aux, holomorphic, returns)
    if returns and limits.undefined(value):
        limits.take(begun, rec)
        gradient = call.rebuild(found)
        return ((value, aux) if has_aux else value), gradient
    if limits.due(begun, found, [value]):
        count = len(found)

        def evaluate(leaves: list[Any]) -> list[Any]:
            _, value, _, found = _gradient(f, call.at(leaves), has_aux, holomorphic)
            return [*found, value]

        *found, value = limits.finish(
            begun, rec, call.leaves, [*found, value], count, evaluate, name_of(f), aux=has_aux
        )
    if value != value if type(value) is np.float64 else limits.undefined(value):
        limits.tell_undefined(found, value, name_of(f))
    gradient = call.rebuild(found)
    return ((value, aux) if has_aux else value), gradient


def _gradient(
    f: Function, call: Call, has_aux: bool, holomorphic: bool, returns: bool = False
) -> tuple[Recording, Any, Any, list[Any]]:
    """Return the recording, the value, what goes with it, and the gradient, leaf by leaf."""
    rec = Recording()
    inputs = [rec.input(x, call) for x in call.leaves]
    nodes = [t.cr_node for t in inputs]
    out, aux = call.run(rec, inputs), None
    del inputs
    if has_aux:
        out, aux = pair(f, out)
        aux = strip(aux, rec)
    cotangents: dict[Node, Any] = {}
    value = out
    if type(out) in TRACERS and out.cr_owner is rec:
        value, node = out.cr_value, out.cr_node
        del out
        check_scalar(f, value, holomorphic)
        if value != value if type(value) is np.float64 else holds_nan(every(value)):
            if not returns:
                nan_input(call, value)
        if running.tape is not None:
            running.tape.not_nan(value)
        if holomorphic:
            check_holomorphic(f, call)
            check_analytic_gradient(f, rec.nodes, node, value, nodes)
        cotangents[node] = _one(value)
        if rec.tied and not has_aux:
            rec.drop_ties(node)
        del node
        backward(rec.nodes, cotangents, release=True)
    else:
        check_one(f, out)
        value = settle(out)
        check_scalar(f, value if hasattr(value, "dtype") else np.asarray(value)[()], holomorphic)
    found = deliver([cotangent_of(cotangents, n) for n in nodes])
    if type(value) is np.ndarray or type(value) is Foreign:
        value = plain(value)
    return rec, value, aux, found


def _one(value: Any) -> Any:
    if type(value) is np.float64:
        return _ONE
    held = under(value)
    if held is None and value.shape == ():
        return value.dtype.type(1)
    return np.ones_like(concrete(value) if held is None else held)


_ONE = np.float64(1)

# --- reverse and forward mode ---------------------------------------------------------------


@undisturbed
def vjp(f: Function, *primals: Any, has_aux: bool = False) -> Any:
    """Compute the output and the pullback ȳ ↦ x̄ = Jᵀȳ (the vector-Jacobian product).

    Returns ``(out, pullback)``, with ``has_aux=True`` ``(out, pullback, aux)``. ``pullback(ct)``
    takes a cotangent of the structure and shapes of `out` and returns a tuple with one cotangent
    per primal; it may be called any number of times. NaN passes through as in NumPy.

    >>> import numpy as np, chainrule
    >>> out, pullback = chainrule.vjp(lambda x: x**2, np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 1.0]))[0]
    array([2., 4.])
    """
    aux: list[Any] = []
    g = _without_aux(f, aux) if has_aux else f
    begun = limits.begin()
    call, graph, leaves, treedef = record(g, primals, {}, tuple(range(len(primals))))
    pullback = Pullback(g, call, graph, treedef)
    pullback.notes = limits.take(begun, call.trace)
    values = [_value_of(leaf, graph) for leaf in leaves]
    pullback.undefined = [v for v in values if limits.undefined(v)]
    pullback.avals = [(np.shape(v), np.result_type(v)) for v in map(concrete, values)]
    held = [under(leaf) for leaf in leaves]
    pullback.others = {i: other for i, other in enumerate(held) if other is not None}
    out = tree.unflatten(treedef, values)
    return (out, pullback, aux[0]) if has_aux else (out, pullback)


def _without_aux(f: Function, aux: list[Any]) -> Function:
    def first(*args: Any) -> Any:
        out, extra = pair(f, f(*args))
        aux.append(tree.map_leaves(lambda v: leave(v.cr_value) if type(v) in TRACERS else v, extra))
        return out

    first.__name__ = name_of(f)
    return functools.wraps(f)(first) if hasattr(f, "__name__") else first


def _value_of(leaf: Any, graph: Graph) -> Any:
    """Return the value of an output leaf, for the caller to keep."""
    if type(leaf) in TRACERS and any(leaf.cr_node is out for out in graph.outputs):
        return plain(leaf.cr_value)
    return settle(leaf)


class Pullback:
    """The linear map ȳ ↦ Jᵀȳ at one point, with the recording that it was read from."""

    def __init__(self, function: Any, call: Call, graph: Graph, treedef: Any) -> None:
        self.function, self.call, self.graph, self.treedef = function, call, graph, treedef
        self.avals: list[tuple[tuple[int, ...], Any]] = []
        self.others: dict[int, Foreign] = {}  # outputs that are arrays of another library
        self.notes: tuple[Any, ...] = ()
        self.undefined: list[Any] = []  # values that are NaN

    @undisturbed
    def __call__(self, cotangent: Any) -> tuple[Any, ...]:
        leaves, treedef = tree.flatten(cotangent, parameters=True)
        given = match(leaves, treedef, self.avals, self.treedef, "cotangent", "output")
        for i, like in self.others.items():
            if given[i].shape == ():  # a plain number is no array of the library of the output
                given[i] = given[i] * np.ones_like(like)
        begun = limits.begin()
        found = _pulled(self.graph, given)

        def evaluate(leaves: list[Any]) -> list[Any]:
            return _pulled(record_call(self.call.at(leaves))[0], given)

        if self.notes or limits.due(begun, found, [*given, *self.undefined]):
            found = limits.finish(
                begun, self.call.trace, self.call.leaves, found, len(found), evaluate,
                name_of(self.function), self.notes,
            )  # fmt: skip
        return tuple(self.call.gradients(deliver(found, tuple(leaves))))


def _pulled(graph: Graph, given: list[Any]) -> list[Any]:
    """Pull cotangents of the outputs back to the inputs."""
    cotangents: dict[Node, Any] = {}
    for out, ct in zip(graph.outputs, given, strict=True):
        if type(out) is Node:
            before = cotangents.get(out)
            cotangents[out] = ct if before is None else before + ct
    backward(graph.nodes, cotangents)
    return [cotangent_of(cotangents, n) for n in graph.inputs]


@undisturbed
def jvp(f: Function, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """Compute the output and its directional derivative ẏ = J·ẋ (the Jacobian-vector product).

    `primals` and `tangents` are tuples with one entry per argument, of equal structure and
    shapes. Returns ``(out, tangent_out)``, with ``has_aux=True`` ``(out, tangent_out, aux)``.
    Nothing is kept: memory is that of the function itself.

    References: R. E. Wengert, CACM 7 (1964) 463–464.

    >>> import numpy as np, chainrule
    >>> chainrule.jvp(np.sin, (0.0,), (2.0,))
    (np.float64(0.0), np.float64(2.0))
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise StructureError(
            "jvp takes tuples of primals and tangents",
            where=describe(user_frame(1)),
            cure="write chainrule.jvp(f, (x,), (v,))",
        )
    call = Call(f, tuple(primals), {}, tuple(range(len(primals))))
    if call.may_write():
        call.own()
    ts = tangents_for(call, tuple(tangents))
    begun = limits.begin()
    trace, aux, values, found, treedef = _tangent(f, call, ts, has_aux)
    if limits.due(begun, found, [*values, *ts]):
        count = len(found)

        def evaluate(leaves: list[Any]) -> list[Any]:
            _, _, values, found, _ = _tangent(f, call.at(leaves), ts, has_aux)
            return [*found, *values]

        outs = limits.finish(
            begun, trace, call.leaves, [*found, *values], count, evaluate, name_of(f),
            aux=has_aux,
        )
        found, values = outs[:count], outs[count:]
    for value, tangent in zip(values, found, strict=True):
        if limits.undefined(value):
            limits.tell_undefined([tangent], value, name_of(f))
    result = (tree.unflatten(treedef, values), tree.unflatten(treedef, deliver(found, tuple(ts))))
    return (*result, aux) if has_aux else result


def _tangent(
    f: Function, call: Call, ts: list[Any], has_aux: bool
) -> tuple[Forward, Any, list[Any], list[Any], Any]:
    """Return the trace, what goes with the output, its leaves, their tangents and their tree."""
    trace = Forward()
    inputs = [make_tracer(x, trace, t) for x, t in zip(call.leaves, ts, strict=True)]
    out, aux = call.run(trace, inputs), None
    if has_aux:
        out, aux = pair(f, out)
        aux = strip(aux, trace)
    leaves, treedef = output_leaves(f, out)
    values, found = [], []
    for leaf in leaves:
        traced = type(leaf) in TRACERS and leaf.cr_owner is trace
        values.append(plain(leaf.cr_value) if traced else settle(leaf))
        found.append(leaf.cr_node if traced else _no_tangent(leaf))
    if trace.doubt is not None and any(map(limits.undefined, found)):
        found = _followed(_without_aux(f, []) if has_aux else f, call, ts, values, found, trace)
    return trace, aux, values, found, treedef


def _followed(
    f: Function, call: Call, ts: list[Any], values: list[Any], found: list[Any], trace: Forward
) -> list[Any]:
    """Push the tangents through a recording, which knows what zeros are structural."""
    graph, leaves = None, []
    try:
        _, graph, leaves, _ = record(f, call.args, {}, call.argnums)
    except ChainRuleError:
        raise
    except Exception:  # it runs only once: what is 0·∞ stays so, and is told
        pass
    if graph is not None and all(map(_same, values, leaves)):
        pushed = push_graph(graph, ts)
        return [_no_tangent(v) if t is None else t for t, v in zip(pushed, leaves, strict=True)]
    running.note("indeterminate", *trace.doubt)
    return found


def _same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(every(a), every(b), equal_nan=True))


def _no_tangent(leaf: Any) -> Any:
    held = admit(concrete(leaf))
    dtype = np.result_type(held)
    return zeros(np.shape(held), dtype if dtype.kind in "fc" else np.dtype(float), held)[()]


@undisturbed
def linearize(f: Function, *primals: Any) -> Any:
    """Compute the output and the linear map ẋ ↦ J·ẋ at this point, for many directions.

    Returns ``(out, f_jvp)``; ``f_jvp(*tangents)`` costs no evaluation of `f`.

    >>> import numpy as np, chainrule
    >>> out, f_jvp = chainrule.linearize(lambda x: x**3, 2.0)
    >>> float(f_jvp(1.0))
    12.0
    """
    begun = limits.begin()
    call, graph, leaves, treedef = record(f, primals, {}, tuple(range(len(primals))))
    notes = limits.take(begun, call.trace)
    values = [_value_of(leaf, graph) for leaf in leaves]

    def pushed(graph: Graph, ts: list[Any]) -> list[Any]:
        found = push_graph(graph, ts)
        return [_no_tangent(v) if t is None else t for t, v in zip(found, values, strict=True)]

    @undisturbed
    def f_jvp(*tangents: Any) -> Any:
        ts = tangents_for(call, tangents)
        begun = limits.begin()
        outs = pushed(graph, ts)

        def evaluate(leaves: list[Any]) -> list[Any]:
            return pushed(record_call(call.at(leaves))[0], ts)

        if notes or limits.due(begun, outs, [*ts, *values]):
            outs = limits.finish(
                begun, call.trace, call.leaves, outs, len(outs), evaluate, name_of(f), notes
            )
        return tree.unflatten(treedef, deliver(outs, tuple(ts)))

    return tree.unflatten(treedef, values), f_jvp


# --- whole matrices -------------------------------------------------------------------------


def jacobian(
    f: Function, argnums: Argnums = 0, mode: str = "auto", chunk: int | None = None,
    sparse: Any = False,
) -> Derived:  # fmt: skip
    """Return the function that computes the Jacobian ∂yᵢ/∂xⱼ.

    For arrays the result has shape ``y.shape + x.shape``; for containers it is the structure of
    the output, with the structure of the argument in the place of every array. `mode` is "rev"
    (one backward pass per output element), "fwd" (one forward pass per input element), or
    "auto": whichever needs fewer passes. The function itself is run once.

    The passes go together, `chunk` at a time, which needs the memory of so many; each gives what it
    gives alone. By default a step holds 160 kB on average, or four passes, and all steps together
    no more than 256 MB. A matrix that the machine cannot hold raises MatrixSizeError; with
    ``sparse=True``, or a pattern in the place of True, it is a csr matrix (docs/guide/sparse.md).

    The Jacobian of a real function of complex inputs is ∂y/∂a − i·∂y/∂b, as for `grad`; that of
    a complex function of complex inputs exists if it is analytic, which is checked.

    >>> import numpy as np, chainrule
    >>> chainrule.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    check_passes(mode, chunk)
    if sparse is not False:
        from .sparsity import sparse_jacobian

        return sparse_jacobian(f, argnums, mode, chunk, sparse)
    return Derived(_jacobian, f, argnums, mode, chunk)


def jacfwd(f: Function, argnums: Argnums = 0, chunk: int | None = None) -> Derived:
    """Return the Jacobian by forward mode, `chunk` columns at a time; see `jacobian`.

    >>> import numpy as np, chainrule
    >>> chainrule.jacfwd(np.sin)(np.zeros(2))
    array([[1., 0.],
           [0., 1.]])
    """
    return jacobian(f, argnums, "fwd", chunk)


def jacrev(f: Function, argnums: Argnums = 0, chunk: int | None = None) -> Derived:
    """Return the Jacobian by reverse mode, `chunk` rows at a time; see `jacobian`.

    >>> import numpy as np, chainrule
    >>> chainrule.jacrev(np.sum)(np.zeros(2))
    array([1., 1.])
    """
    return jacobian(f, argnums, "rev", chunk)


def _jacobian(
    f: Function, args: Any, kwargs: Any, argnums: Argnums, mode: str, chunk: int | None
) -> Any:
    """Compute the Jacobian of a function."""
    begun = limits.begin()
    call, graph, leaves, treedef = record(f, args, kwargs, argnums)
    rows = blocks(f, graph, leaves, mode, chunk)
    if limits.due(begun, [block for row in rows for block in row], leaves):
        width = len(call.leaves)

        def evaluate(leaves: list[Any]) -> list[Any]:
            graph, outs, _ = record_call(call.at(leaves))
            return _listed(blocks(f, graph, outs, mode, chunk), outs)

        found = limits.finish(
            begun, call.trace, call.leaves, _listed(rows, leaves), len(rows) * width, evaluate,
            name_of(f),
        )  # fmt: skip
        leaves = found[len(rows) * width :]
        rows = [found[i * width : (i + 1) * width] for i in range(len(rows))]
    for row, value in zip(rows, leaves, strict=True):
        if limits.undefined(value):
            limits.tell_undefined(row, value, name_of(f))
    parts = [call.rebuild(deliver(row)) for row in rows]
    return tree.unflatten(treedef, parts)


def _listed(rows: list[list[Any]], outputs: list[Any]) -> list[Any]:
    """Return the blocks of a Jacobian, and the outputs themselves, in one list."""
    return [block for row in rows for block in row] + [np.asarray(concrete(y))[()] for y in outputs]


def hessian(
    f: Function, argnums: Argnums = 0, chunk: int | None = None, sparse: Any = False
) -> Derived:
    """Return the function that computes the Hessian ∂²f/∂xᵢ∂xⱼ of a scalar function.

    Forward over reverse: one recording of the gradient, one linear pass per input element, `chunk`
    of them at a time as in `jacobian`; with ``sparse=True`` a csr matrix (docs/guide/sparse.md).

    References: A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 5.

    >>> import numpy as np, chainrule
    >>> chainrule.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    if sparse is not False:
        from .sparsity import sparse_hessian

        return sparse_hessian(f, argnums, chunk, sparse)
    return jacfwd(grad(f, argnums), argnums, chunk)


@undisturbed
def hvp(f: Function, x: Any, v: Any) -> Any:
    """Compute the Hessian-vector product H·v without forming H.

    Forward over reverse, at a small constant multiple of the cost of `f`. `x` is the argument of
    `f` (a number, array or container) and `v` a direction of the same structure.

    References: B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6
    (1994) 147–160.

    >>> import numpy as np, chainrule
    >>> chainrule.hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    return jvp(grad(f), (x,), (v,))[1]


def derivative(f: Function, order: int = 1) -> Derived:
    """Return dⁿf/dxⁿ of a function of one real number, by nested forward mode.

    The output may have any shape. For functions of arrays use `jacobian`.

    >>> import numpy as np, chainrule
    >>> float(chainrule.derivative(np.exp, order=4)(0.0))
    1.0
    """
    if not isinstance(order, int) or order < 0:
        raise ArgnumsError(
            f"order={order!r} is not a number 0, 1, 2, …",
            where=describe(user_frame(1)),
            cure="write chainrule.derivative(f, order=2)",
        )
    return Derived(_derivative, f, order)


def _derivative(f: Function, args: Any, kwargs: Any, order: int) -> Any:
    """Compute a derivative of a function of one number."""
    if not args:
        raise no_point(f)
    if len(args) != 1 or np.shape(concrete(args[0])) != ():
        raise NonScalarOutputError(
            f"derivative is for functions of one number; {name_of(f)} was given "
            f"{len(args)} argument(s) of shape {[np.shape(concrete(a)) for a in args]}",
            where=describe(user_frame(2)),
            cure="use chainrule.jacobian(f) for arrays, chainrule.grad(f, argnums=…) for several",
        )
    g: Function = functools.partial(f, **kwargs) if kwargs else f
    for _ in range(order):
        g = _slope(g)
    return g(args[0]) if order else plain(g(args[0]))


def _slope(g: Function) -> Function:
    return lambda x: jvp(g, (x,), (1.0,))[1]


# --- the rest -------------------------------------------------------------------------------


def stop_gradient(x: Any) -> Any:
    """Return `x` as a constant: its value, through which no derivative flows, at any order.

    Of a function, return one that gives constants. A sparse matrix becomes a plain one.

    >>> import chainrule
    >>> float(chainrule.grad(lambda x: x * chainrule.stop_gradient(x))(3.0))
    3.0
    """
    if isinstance(x, FunctionType | MethodType | functools.partial):
        return functools.wraps(x)(lambda *args, **kwargs: stop_gradient(x(*args, **kwargs)))
    stopped = tree.map_leaves(lambda v: _stopped(v) if type(v) in TRACERS else _held(v), x)
    return stopped if running.stopped is None else running.stopped(stopped)


def _stopped(v: Any) -> Any:
    v.cr_owner.told("stop_gradient", v)
    found = plain(constant(v))
    return as_python(found) if is_python(v) else found


def _held(v: Any) -> Any:
    sparse = sys.modules.get("chainrule.ops.scipy.sparse.matrices")
    if sparse is None or not hasattr(v, "toarray") or not sparse.is_traced(v):
        return v
    data = vars(v)["data"]
    return v.form().filled(np.asarray(_stopped(data) if type(data) in TRACERS else data))


def register_pytree_node(nodetype: type, flatten_func: Function, unflatten_func: Function) -> None:
    """Let objects of a class be containers, of which the functions here take the arrays.

    ``flatten_func(obj)`` returns the parts, a tuple, and anything that is needed besides to build
    another such object around other parts: ``unflatten_func(that, parts)``. Dataclasses and classes
    that keep all they know in attributes need no registration.

    >>> import chainrule
    >>> class Pair(list):
    ...     pass
    >>> chainrule.register_pytree_node(Pair, lambda p: (tuple(p), None), lambda _, ps: Pair(ps))
    >>> chainrule.grad(lambda p: p[0] * p[1])(Pair([2.0, 3.0]))
    [np.float64(3.0), np.float64(2.0)]
    """
    tree.register(nodetype, flatten_func, unflatten_func)


def trace(f: Function, *args: Any, argnums: Argnums | None = None) -> Graph:
    """Run `f` once and return its recording: a straight-line program (a Wengert list).

    Every argument is traced, unless `argnums` names fewer. ``print(trace(f, x))`` lists the steps.

    >>> import numpy as np, chainrule
    >>> print(chainrule.trace(lambda x: np.sin(2 * x), 0.5))
    x0: float64[]
    v1: float64[] = multiply(2, x0)
    v2: float64[] = sin(v1)
    return v2
    """
    numbers = tuple(range(len(args))) if argnums is None else argnums
    return record(f, args, {}, numbers, keep=True)[1]

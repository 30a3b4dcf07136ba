"""From the user's arguments to traced inputs, and from traced results back to plain values."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from . import tree
from .core.graph import Graph
from .core.memory import own_copy
from .errors import (
    ArgnumsError,
    ChainRuleError,
    InputTypeError,
    NonFiniteError,
    OutputTypeError,
)
from .parameters import (
    bad_leaf,
    check_distinct,
    computes_again,
    is_constant,
    no_number,
    zeros_of,
)
from .tracing import lent, searches
from .tracing.faces import as_python, is_python
from .tracing.foreign import Foreign, admit, is_foreign, leave, under
from .tracing.interpose import Doors
from .tracing.losses import (
    caught_by_program,
    caught_elsewhere,
    elsewhere,
    forget,
    swallowed,
    unhidden,
)
from .tracing.reach import (
    may_be_tried,
    may_write,
    plain_arguments,
    takes_any_number,
    was_tried,
)
from .tracing.recording import Recording
from .tracing.running import CLOSED, running
from .tracing.source import describe, user_frame
from .tracing.stacked import every
from .tracing.strange import strange
from .tracing.tracer import TRACERS, Trace, concrete, release
from .tracing.wholes import head_line

Argnums = int | tuple[int, ...]


class Call:
    """One call of a user's function with some arguments taken apart into leaves."""

    __slots__ = (
        "function", "args", "kwargs", "argnums", "single", "leaves", "treedefs", "trace", "whole",
        "pythons",
    )  # fmt: skip

    def __init__(self, function: Any, args: Any, kwargs: Any, argnums: Argnums) -> None:
        check_function(function)
        self.function, self.args, self.kwargs = function, args, kwargs
        self.single = not isinstance(argnums, tuple | list)
        self.argnums = check_argnums(function, args, argnums)
        self.trace: Any = None  # that of its recording, where it outlives the call
        self.leaves: list[Any] = []
        self.pythons: list[int] = []  # which of them are Python's numbers
        self.treedefs: list[tuple[Any, int]] = []
        self.whole: list[int] = []  # those leaves that were integers
        for k in self.argnums:
            kind = type(arg := args[k])
            if kind is float or kind is np.float64:
                if kind is float:
                    self.pythons.append(len(self.leaves))
                    arg = np.float64(arg)
                self.leaves.append(arg)
                self.treedefs.append(_BARE)
                continue
            leaves, treedef = self._apart(k)
            constants = False
            if not leaves and args[k] is None:
                raise self._bad_leaf(k, 0, args[k])
            for i, leaf in enumerate(leaves):
                kind = type(leaf)
                if kind is float:
                    leaf = np.float64(leaf)
                    self.pythons.append(len(self.leaves))
                elif kind is not np.float64 and not (
                    kind is np.ndarray and leaf.dtype.char in "efdg"
                ):
                    if treedef is not None and is_constant(leaf):
                        constants = True
                        continue
                    leaf = self._other_leaf(k, i, leaf)
                self.leaves.append(leaf)
            if constants:
                leaves, treedef = tree.mixed(treedef, leaves, is_constant)
                if not leaves:
                    raise self._bad_leaf(k, 0, tree.flatten(args[k], True)[0][0])
            self.treedefs.append((treedef, len(leaves)))

    def at(self, leaves: list[Any]) -> "Call":
        """Return the same call at another point."""
        found = copy.copy(self)
        found.leaves = leaves
        return found

    def _apart(self, k: int) -> tuple[list[Any], Any]:
        try:
            return tree.flatten(self.args[k], parameters=True)
        except RecursionError:
            name = parameter_name(self.function, k)
            raise InputTypeError(
                f"cannot differentiate with respect to {name}: an object in it holds itself",
                where=describe(user_frame(2)),
                why="its attributes are the parameters, and these must come to an end",
                cure="pass the arrays that are to be differentiated, in a dict",
            ) from None

    def run(self, trace: Trace, inputs: list[Any]) -> Any:
        """Call the function with `inputs` in the place of the leaves."""
        if self.whole:
            trace.whole = frozenset(id(inputs[i]) for i in self.whole)
        args = self.arguments(inputs)
        if tree.object_classes:
            objects = list(tree.objects_in([self.args[k] for k in self.argnums]))
            if objects:
                return self._run_on(objects, trace, args)
        return run_traced(trace, self.function, args, self.kwargs)

    def _run_on(self, objects: list[Any], trace: Trace, args: list[Any]) -> Any:
        """Call the function on the caller's own objects, whose attributes are traced meanwhile.

        Copies would be unknown to functions and objects that hold the ones that they are copies of.
        """
        check_distinct(objects)
        again = [again for obj in objects if (again := computes_again(obj)) is not None]

        def function(*args: Any, **kwargs: Any) -> Any:
            for compute in again:
                compute()
            return tree.map_leaves(lambda v: v, self.function(*args, **kwargs))

        function.__name__, function.__wrapped__ = name_of(self.function), self.function  # type: ignore[attr-defined]
        old = [self.args[k] for k in self.argnums]
        with tree.in_place(old, [args[k] for k in self.argnums]) as new:
            for k, arg in zip(self.argnums, new, strict=True):
                args[k] = arg
            return run_traced(trace, function, args, self.kwargs)

    def arguments(self, inputs: list[Any]) -> list[Any]:
        """Return the positional arguments with `inputs` in the place of the leaves."""
        args = list(self.args)
        for i in self.pythons:
            as_python(inputs[i])
        start = 0
        for k, (treedef, n) in zip(self.argnums, self.treedefs, strict=True):
            parts = inputs[start : start + n]
            args[k] = parts[0] if treedef is None else tree.unflatten(treedef, parts)
            start += n
        return args

    def may_write(self) -> bool:
        """Say whether the call might write into arrays of the caller's by another name."""
        return may_write(self.function) or not plain_arguments(self.args, self.kwargs)

    def parts(self, leaves: list[Any]) -> list[Any]:
        """Put leaves back into the containers of the differentiated arguments."""
        return self._put_together(leaves)

    def gradients(self, leaves: list[Any]) -> list[Any]:
        """As `parts`, of gradients: that of a number which is a constant is zero."""
        return self._put_together(leaves, zeros_of)

    def _put_together(self, leaves: list[Any], constants: Any = None) -> list[Any]:
        out, start = [], 0
        for treedef, n in self.treedefs:
            if treedef is None:
                out.append(leaves[start])
            else:
                how = treedef if constants is None else constants(treedef)
                out.append(tree.unflatten(how, leaves[start : start + n]))
            start += n
        return out

    def rebuild(self, leaves: list[Any]) -> Any:
        """As `gradients`, but the bare argument when `argnums` was one number."""
        if self.single and self.treedefs[0][0] is None:
            return leaves[0]
        parts = self.gradients(leaves)
        return parts[0] if self.single else tuple(parts)

    def own(self) -> None:
        """Copy the inputs: what is kept must not change when the caller writes into them."""
        self.leaves = [
            own_copy(x) if type(x) is np.ndarray else x.cr_snapshot() if type(x) in TRACERS else x
            for x in self.leaves
        ]

    def names(self) -> list[str]:
        """Return a name for every leaf: the parameter, and the path inside its container."""
        found = []
        for k, (treedef, _) in zip(self.argnums, self.treedefs, strict=True):
            base = parameter_name(self.function, k)
            found += [base + p for p in tree.variable(treedef, tree.paths(self.args[k], True))]
        return found

    def _other_leaf(self, k: int, i: int, leaf: Any) -> Any:
        if type(leaf) is bool or type(leaf) is np.bool_:
            raise self._bad_leaf(k, i, leaf)
        if type(leaf) in TRACERS and leaf.cr_owner.past():
            held = leaf.cr_concrete()
            leaf = held.item() if is_python(leaf) else held
        if type(leaf) in TRACERS and leaf.dtype.kind in "fc":
            if is_python(leaf):
                self.pythons.append(len(self.leaves))
            return release(leaf)
        if is_foreign(type(leaf)) and leaf.dtype.kind in "fc":
            return admit(leaf)
        if type(leaf) is float:
            self.pythons.append(len(self.leaves))
            return np.float64(leaf)
        if isinstance(leaf, int | np.integer):
            self.whole.append(len(self.leaves))
            if isinstance(leaf, int):
                self.pythons.append(len(self.leaves))
            return np.float64(leaf)
        if type(leaf) is np.ndarray and leaf.dtype.kind in "iu":
            self.whole.append(len(self.leaves))
            return leaf.astype(float)
        if isinstance(leaf, complex) and not isinstance(leaf, np.generic):
            self.pythons.append(len(self.leaves))
            return np.complex128(leaf)
        dtype = getattr(leaf, "dtype", None)
        kind = getattr(dtype, "kind", "")
        other = not isinstance(leaf, np.ndarray | np.generic)
        if kind not in ("f", "c") or other or strange(type(leaf)):
            raise self._bad_leaf(k, i, leaf)
        if isinstance(leaf, np.ndarray) and type(leaf) is not np.ndarray:
            return np.asarray(leaf)
        return leaf

    def _bad_leaf(self, k: int, i: int, leaf: Any) -> InputTypeError:
        path = "" if leaf is None else tree.paths(self.args[k], True)[i]
        return bad_leaf(parameter_name(self.function, k) + path, leaf)


_BARE = (None, 1)  # how to rebuild an argument that is a number


def run_traced(trace: Trace, function: Any, args: Any, kwargs: Any) -> Any:
    """Call a user's function whose arguments belong to `trace`, and close the trace after."""
    if running.check is not None:
        return running.check(
            trace, function, args, kwargs,
            lambda: _run_examined(trace, function, args, kwargs),
        )  # fmt: skip
    return _run_examined(trace, function, args, kwargs)


def _run_examined(trace: Trace, function: Any, args: Any, kwargs: Any) -> Any:
    """Run, and where the program searched or asked what holds at the point alone, look beside."""
    try:
        out = _run_traced(trace, function, args, kwargs)
    except BaseException:
        running.searches.clear()
        running.raised = False
        raise
    if running.searches and not running.traces:
        rows, running.searches, running.raised = running.searches, {}, False
        found = searches.found(rows)
        if found:
            examine[0](found, trace, function, args, kwargs, out)
    return out


examine: list[Callable[..., None]] = []
"""Who compares a call with plain runs in which the program searched by comparisons."""


def _run_traced(trace: Trace, function: Any, args: Any, kwargs: Any) -> Any:
    doors = Doors()
    traces = running.traces
    before, swallowed.raised = swallowed.raised, None
    try:
        traces.append(trace)
        surely, done = not plain_arguments(args, kwargs), False
        if (surely or takes_any_number(function)) and type(trace).lose is Trace.lose:
            if may_be_tried(function, args, kwargs):
                out, done = _tried(function, args)
        if not done:
            doors.open(function, surely, args)
            if not doors.opened:
                out = function(*args, **kwargs) if kwargs else function(*args)
            else:
                function, args, kwargs = doors.exchanged(function, args, kwargs)
                out = settle(function(*args, **kwargs))
        if swallowed.raised is not None and caught_by_program():
            raise swallowed.raised
        if type(out) not in TRACERS or out.cr_owner is not trace:
            check_alive(function, out)
        if elsewhere and (error := caught_elsewhere(trace)) is not None:
            raise error
        return out
    except ChainRuleError:
        raise
    except Exception as error:
        better = unhidden(error)
        if better is None:
            raise
        raise better.with_traceback(error.__traceback__) from None
    finally:
        trace.state = CLOSED
        late = None
        for _ in (1, 2, 3):  # Ctrl-C may come in the midst: it waits until all is given back
            try:
                if trace in traces:
                    traces.remove(trace)
                if running.lent:
                    lent.end(trace)
                if not traces:
                    running.texts.clear()
                    running.figures.clear()
                forget(before)
                if elsewhere:
                    caught_elsewhere(trace)  # lets go of them
                if doors.opened:
                    doors.close()
                break
            except BaseException as error:
                late = error
        if late is not None:
            raise late


def _tried(function: Any, args: Any) -> tuple[Any, bool]:
    """Call a function without doors; return the result, and whether there is one."""
    try:
        out = function(*args)
        if swallowed.raised is None:
            return out, True
    except Exception:
        pass  # with doors it computes, or raises the same again
    swallowed.raised = None
    was_tried(function)
    return None, False


def check_alive(function: Any, out: Any) -> None:
    """Refuse a result that a memo has kept from an earlier call: it would be constant."""
    if type(out) in TRACERS:
        out.cr_owner.returned(out, function)
    elif type(out) in (tuple, list, dict):
        for part in out.values() if type(out) is dict else out:
            check_alive(function, part)


def check_function(function: Any) -> None:
    """Refuse what cannot be called."""
    if not callable(function):
        raise InputTypeError(
            f"expected a function to differentiate, got {type(function).__name__}",
            where=describe(user_frame(2)),
            why="derivatives are of functions; the point is given beside them",
            cure="write chainrule.grad(f)(x), not chainrule.grad(f(x)), and chainrule.vjp(f, x)",
        )


def name_of(function: Any) -> str:
    """Return what a function is called."""
    return getattr(function, "__name__", None) or type(function).__name__


def parameter_name(function: Any, k: int) -> str:
    """Return the name of positional parameter `k`, as far as the signature tells it."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return f"argument {k}"
    for i, p in enumerate(parameters):
        if p.kind is p.VAR_POSITIONAL:
            return f"{p.name}[{k - i}]"
        if i == k:
            return p.name
    return f"argument {k}"


def no_point(function: Any) -> ArgnumsError:
    """Return the error for a call without positional arguments."""
    return ArgnumsError(
        f"{name_of(function)} was called without a point, with no positional argument",
        where=describe(user_frame(3)),
        why="a derivative is at a point, with respect to positional arguments; keyword arguments "
        "are constants",
        cure="pass the point by its position, and let the function take it as an argument",
    )


def check_argnums(function: Any, args: Any, argnums: Any) -> tuple[int, ...]:
    """Return `argnums` as a tuple of positions that the call has."""
    if argnums == 0 and type(argnums) is int and args:
        return (0,)
    if not args:
        raise no_point(function)
    numbers = argnums if isinstance(argnums, tuple | list) else (argnums,)
    out = []
    for n in numbers:
        if not isinstance(n, int | np.integer) or isinstance(n, bool):
            raise ArgnumsError(
                f"argnums={argnums!r} is not an integer or a tuple of integers",
                where=describe(user_frame(2)),
                cure="write argnums=0, or argnums=(0, 1)",
            )
        if not -len(args) <= n < len(args):
            raise ArgnumsError(
                f"argnums={argnums!r} asks for argument {n}, but {name_of(function)} was called "
                f"with {len(args)} positional argument{'s' if len(args) != 1 else ''}",
                where=describe(user_frame(2)),
                why="argnums counts positional arguments from 0; keyword arguments are constants",
                cure="pass the argument to differentiate by position, or choose argnums="
                + " or ".join(map(str, range(len(args)))),
            )
        out.append(int(n) % len(args))
    if len(set(out)) < len(out) or not out:
        raise ArgnumsError(
            f"argnums={argnums!r} names {'no argument' if not out else 'an argument twice'}",
            where=describe(user_frame(2)),
            cure="name every argument to differentiate once, and pass it",
        )
    return tuple(out)


def record(
    function: Any, args: Any, kwargs: Any, argnums: Argnums, keep: bool = False
) -> tuple[Call, Graph, list[Any], Any]:
    """Run the function on tracers; return the call, the graph, the output leaves, their tree.

    The recording outlives the call, so the inputs are copied.
    """
    call = Call(function, args, kwargs, argnums)
    return (call, *record_call(call, keep))


def record_call(call: Call, keep: bool = False) -> tuple[Graph, list[Any], Any]:
    """Run the function of a call on tracers; return the graph, the output leaves, their tree."""
    call.own()
    call.trace = rec = Recording(keep=keep)
    inputs = [rec.input(x) for x in call.leaves]
    out = call.run(rec, inputs)
    leaves, treedef = output_leaves(call.function, out)
    return rec.finish(inputs, leaves), leaves, treedef


def output_leaves(function: Any, out: Any) -> tuple[list[Any], Any]:
    """Take the result of a user's function apart, and check that it is made of numbers."""
    if type(out) in TRACERS:
        return [out], None
    try:
        leaves, treedef = tree.flatten(out, parameters=True)
    except RecursionError:  # an object that holds itself
        leaves, treedef = [out], None
    leaves, treedef = tree.mixed(treedef, leaves, no_number)
    for leaf in leaves:
        check_output(function, leaf)
    if not leaves:
        check_output(function, out)
    return leaves, treedef


def check_output(function: Any, out: Any) -> None:
    """Refuse what is not a number or an array of numbers."""
    if type(out) in TRACERS or isinstance(out, float | int | complex | np.number | np.bool_):
        return
    kind = getattr(getattr(out, "dtype", None), "kind", "")
    if kind and kind in "fcbiu":
        return
    name = getattr(function, "__name__", "the function")
    shown = "an array of objects" if kind == "O" else repr(out)
    raise OutputTypeError(
        f"{name} returned {shown if len(shown) < 80 else type(out).__name__}, not a number or "
        "array",
        where=_definition(function),
        why="only numbers and arrays (in any nesting of dicts, lists and tuples) have a derivative",
        cure="add the missing return statement" if out is None else "make it one of numbers, "
        "y.astype(float)" if kind == "O" else "return the numbers only; "
        "with has_aux=True a function may return (value, anything else)",
    )


def _definition(function: Any) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{head_line(code)}, in {code.co_name}" if code else ""


def strip(value: Any, trace: Any) -> Any:
    """Replace the tracers of a finished trace by the values they hold."""

    def one(leaf: Any) -> Any:
        if type(leaf) in TRACERS and (leaf.cr_owner is trace or leaf.cr_owner.state == CLOSED):
            return plain(leaf.cr_value)
        return leave(release(leaf))

    return tree.map_leaves(one, value)


def settle(out: Any) -> Any:
    """Replace constants that the program made by plain arrays."""
    if type(out) in TRACERS:
        return leave(release(out))
    if isinstance(out, tuple | list | dict) or is_dataclass(out):
        return tree.map_leaves(lambda leaf: leave(release(leaf)), out)
    return out


def plain(value: Any) -> Any:
    """Return a value that the caller may keep and write into."""
    if type(value) is np.ndarray:
        return value.copy() if value.ndim else value[()]
    return leave(value)


def deliver(cotangents: list[Any], shared: tuple[Any, ...] = ()) -> list[Any]:
    """Make gradients the caller's own: writable, and no two of them the same array."""
    seen = set(map(id, shared))
    out = []
    for g in cotangents:
        if type(g) is np.float64:
            pass
        elif type(g) is np.ndarray:
            flags = g.flags
            if id(g) in seen or not flags.owndata or not flags.writeable:
                g = g.copy() if g.ndim else g[()]
            seen.add(id(g))
        elif type(g) in TRACERS:
            held = release(g)
            g = held if type(held) is Foreign else g.cr_snapshot()
        if type(g) is Foreign:
            g = leave(g, fresh=id(g.array) not in seen)
            seen.add(id(g))
        out.append(g)
    return out


def nan_input(call: Call, value: Any, passes: bool = True) -> None:
    """Raise if a NaN result comes from a NaN input; `passes`: the caller takes ``nan=``."""
    if under(value) is not None:
        return  # not known before it is computed
    for name, leaf in zip(call.names(), call.leaves, strict=True):
        bad = np.isnan(every(leaf))
        if not bad.any():
            continue
        places = np.argwhere(bad)
        index = "" if bad.ndim == 0 else f"[{', '.join(str(int(i)) for i in places[0])}]"
        more = f" and at {len(places) - 1} more places" if len(places) > 1 else ""
        raise NonFiniteError(
            f"the result is {concrete(value)}, because the input {name}{index} is NaN{more}",
            where=describe(user_frame(2)),
            why="a NaN in a differentiated argument makes every derivative through it NaN",
            cure=f"clean the input first: np.nan_to_num({name}), or drop the rows that hold NaN" +
            '; nan="return" lets it pass as NumPy does' * passes,
        )


Function = Callable[..., Any]

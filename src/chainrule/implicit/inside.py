"""What a solver's callback computes, and keeps.

SciPy's solver calls the program's function at points of its own choosing. Those points move with
the inputs in a way that nobody follows, so they come to the callback as tracers of a trace of their
own, `Inside`, and so does whatever is computed of them. Inside the solver they are plain numbers
beside their mark. What the callback keeps of them (the best point so far, a cached matrix, a list
of iterates, a value in an exception) still bears the mark when the program reads it after the
solve, and is refused where it meets a derivative. What the callback computes of the program's own
traced values alone is recorded as ever, and right to keep.

The engine calls the callback again, at the answer. What those calls leave behind in lists, dicts,
attributes and closure cells is undone (`State`).
"""

import dis
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from sys import getrefcount
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from .. import tree
from ..core.holders import attributes, traced_in
from ..core.op import Op
from ..errors import ChainRuleError, LostDerivativeError
from ..tracing import faces
from ..tracing.cached import CACHED
from ..tracing.losses import remember, stores_into_array
from ..tracing.recording import Recording
from ..tracing.running import OPEN, WATCHED, depth, running
from ..tracing.source import describe, user_frame
from ..tracing.tracer import TRACERS, Trace, apply, call, concrete, make_tracer, muted

Function = Callable[..., Any]
_EQUAL = frozenset("equal isclose array_equal allclose".split())


class Inside(Trace):
    """The trace of what depends on the points at which a solver evaluates."""

    __slots__ = ("name", "over", "touched", "given", "scalars", "arrays")

    def __init__(self, name: str, scalars: bool = True, arrays: bool = True) -> None:
        super().__init__()
        self.name, self.over, self.touched = name, False, False
        self.scalars, self.arrays = scalars, arrays  # which of a callback's arguments are marked
        self.given: dict[int, tuple[Any, Any]] = {}  # what the program passes to its own callback

    def touch(self) -> None:
        """Take note that the callback reads a traced value: before, nothing depends on any."""
        self.touched = True
        for trace in running.traces:
            if trace.state == WATCHED and running.watch is None:
                trace.state = OPEN

    def carries(self, tracer: Any) -> bool:
        return self.over and self.touched and depth() > 0

    def process(self, op: Op, args: Any, params: dict[str, Any]) -> Any:
        if self.over:
            return self._after(op, args, params)
        return self.mark(op.value(*map(concrete, args), **params))

    def store(self, y: Any, op: Op, args: Any, params: dict[str, Any]) -> bool:
        if op.store is None or self.over:
            return False
        op.store(*map(concrete, args), **params)
        y.cr_owner, y.cr_node = self, None
        return True

    def takes(self, args: Any, kwargs: dict[str, Any]) -> bool:
        """Say whether a whole function of NumPy may be computed on the numbers as they are."""
        return "out" not in kwargs and any(
            type(a) in TRACERS and type(a.cr_owner) is Inside for a in args
        ) and all(t.level < self.level for t in running.traces)

    def compute(self, function: Function, args: Any, kwargs: dict[str, Any]) -> Any:
        """Compute a whole function of NumPy, and mark what it gives.

        An object that holds traced values, such as a spline of them, is no number: what is made of
        it has a rule of its own, by which nothing flows here.
        """
        args, kwargs = _numbers(args), _numbers(kwargs)
        if not any(True for v in (*args, *kwargs.values()) for _ in traced_in(v)):
            return self.mark(function(*args, **kwargs))
        with muted():
            return self.mark(call(function, args, kwargs))

    def mark(self, value: Any) -> Any:
        """Mark what a computation gave: floating-point numbers, in any nesting."""
        if isinstance(value, np.ndarray | np.generic):
            return make_tracer(value, self, None) if value.dtype.kind in "fc" else value
        if type(value) is float or type(value) is complex:
            return faces.as_python(make_tracer(np.asarray(value)[()], self, None))
        if isinstance(value, dict):  # an OptimizeResult is one
            for k, v in value.items():
                value[k] = self.mark(v)
            return value
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(self.mark, value))
        return type(value)(map(self.mark, value)) if type(value) in (list, tuple) else value

    def argument(self, value: Any) -> Any:
        """Return what the callback gets for one of its arguments."""
        known = self.given.get(id(value))
        if known is not None and known[0] is value:
            return known[1]
        wanted = self.arrays if isinstance(value, np.ndarray) and value.ndim else self.scalars
        return self.mark(value) if self.touched and wanted else value

    def _after(self, op: Op, args: Any, params: dict[str, Any]) -> Any:
        flows = any(type(a) in TRACERS and op.flows(k) for k, a in enumerate(args))
        plain = list(map(concrete, args))
        if running.again and op.name in _EQUAL | {"not_equal"}:
            return np.full(np.shape(op.value(*plain, **params)), op.name == "not_equal")[()]
        if not flows or not self.touched or not depth():
            return op.value(*plain, **params)
        mine = next(a for a in args if type(a) in TRACERS and a.cr_owner is self)
        raise self.refuse(mine)

    def observed(self, tracer: Any) -> None:
        if self.touched and not self.over and stores_into_array(3):
            raise self.refuse(tracer)

    def returned(self, tracer: Any, function: Any) -> None:
        if self.carries(tracer):
            raise self.refuse(tracer)

    def refuse(self, tracer: Any) -> ChainRuleError:
        """Build the error for a value that was kept from inside the solver."""
        frame = user_frame(2)
        error = LostDerivativeError(
            f"a value that was computed inside {self.name}, by its callback, is used after it",
            where=describe(frame, tracer),
            why="the solver calls at points of its own choosing, and how those move with the "
            "inputs is not followed; what the callback keeps of them carries no derivative",
            cure=f"compute it of what {self.name} returns: call the function again at the answer; "
            "where no derivative is meant, keep chainrule.stop_gradient(value)",
        )
        remember(error, frame)
        return error


class Moving(Inside):
    """The trace of the points of an integral whose limits move: its points move with them.

    What is computed of one is marked, and recorded as ever: at a fixed point its derivative is
    right. What the integrand keeps of it is not that of the point, and is refused after.
    """

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.touched = True

    def carries(self, tracer: Any) -> bool:
        under = tracer.cr_value
        return super().carries(tracer) or (type(under) in TRACERS and under.cr_carries())

    def process(self, op: Op, args: Any, params: dict[str, Any]) -> Any:
        if self.over:
            return self._after(op, args, params)
        return self.mark(apply(op, [self.under(a) for a in args], params))

    def store(self, y: Any, op: Op, args: Any, params: dict[str, Any]) -> bool:
        return False

    def takes(self, args: Any, kwargs: dict[str, Any]) -> bool:
        return False

    def mark(self, value: Any) -> Any:
        if type(value) in TRACERS:
            return make_tracer(value, self, None) if value.dtype.kind in "fc" else value
        return super().mark(value)

    def under(self, value: Any) -> Any:
        """Return what is under the mark."""
        return value.cr_value if type(value) in TRACERS and value.cr_owner is self else value


class Points:
    """The points of one integral: marked where its limits move, and without the marks of others."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.trace: Moving | None = None
        self.others: dict[int, Moving] = {}  # of integrals in whose integrand this one stands

    def limits(self, values: Any) -> Any:
        """Return the limits without marks; from now on points are marked if some limit moves."""
        values = tree.map_leaves(self.bare, values)
        carries = (type(v) in TRACERS and v.cr_carries() for v in tree.flatten(values)[0])
        if self.others or any(carries):
            if self.trace is None:
                self.trace = Moving(self.name)
                if running.session is not None:  # also where an exception ends it
                    running.session.append(self)
        return values

    def bare(self, value: Any) -> Any:
        """Return what is under all marks; a number of Python's stays one."""
        python = faces.is_python(value)
        while type(value) in TRACERS and type(value.cr_owner) is Moving:
            if value.cr_owner is not self.trace:
                self.others[value.cr_owner.level] = value.cr_owner
            value = value.cr_value
        if python:
            value = faces.as_python(value.cr_snapshot() if type(value) in TRACERS else value)
        return value

    def function(self, function: Function) -> Function:
        """Return an integrand whose point is marked."""

        def call(x: Any, *more: Any) -> Any:
            if self.trace is not None and type(x) in (float, np.float64):
                x = faces.as_python(self.trace.mark(x))
            return tree.map_leaves(self.bare, function(x, *more))

        return call

    def result(self, value: Any) -> Any:
        """Mark what the integral is, where it stands in an integrand of others; it is over."""
        self.undo()
        for level in sorted(self.others):
            value = self.others[level].mark(value)
        return value

    def undo(self) -> None:
        """Let what was kept of the points be refused from now on."""
        if self.trace is not None:
            self.trace.over = True


def _numbers(values: Any) -> Any:
    if type(values) is dict:
        return {k: _numbers(v) for k, v in values.items()}
    if type(values) in (list, tuple):
        return type(values)(map(_numbers, values))
    return concrete(values)


@contextmanager
def inside(trace: Inside) -> Iterator[Inside]:
    """Run a solver whose callbacks compute in `trace`."""
    before, running.inside = running.inside, trace
    watched = [t for t in running.traces if t.state == OPEN]
    try:
        for t in watched:
            t.state = WATCHED
        yield trace
    finally:
        running.inside = before
        trace.over = True
        for t in watched:
            if t.state == WATCHED:
                t.state = OPEN
        if before is not None and trace.touched:
            before.touch()


def prune(marks: list[tuple[Recording, int]]) -> None:
    """Drop the steps that were recorded since, and that nothing which is kept reads."""
    for trace, start in marks:
        nodes = trace.nodes
        if len(nodes) == start:
            continue
        fresh = nodes[start:]
        del nodes[start:]
        kept = []
        while fresh:
            node = fresh.pop()
            if getrefcount(node) > _ALONE:
                kept.append(node)
        nodes.extend(reversed(kept))


def _count_alone() -> int:
    fresh = [object()]
    node = fresh.pop()
    return getrefcount(node)


_ALONE = _count_alone()


def recordings() -> list[tuple[Recording, int]]:
    """Return the recordings that are open, and how long they are."""
    return [
        (t, len(t.nodes)) for t in running.traces if isinstance(t, Recording) and t.state <= OPEN
    ]


class State:
    """What callbacks may have written: closure cells, attributes, and the containers in them."""

    def __init__(self, callbacks: Any, deep: int = 3) -> None:
        self.cells: list[tuple[Any, Any]] = []
        self.spaces: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.owners: list[tuple[Any, dict[str, Any]]] = []  # classes, and objects with slots
        self.lists: list[tuple[Any, list[Any]]] = []
        self.sets: list[tuple[set[Any], set[Any]]] = []
        self.arrays: list[tuple[Any, Any]] = []  # plain ones
        self.names: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.buffers: list[tuple[Any, Any, Any, Any]] = []  # held, they are copied when written
        self.caches: list[tuple[Any, int]] = []  # of `functools`, which only can be emptied
        self.seen: set[int] = set()
        for callback in callbacks:
            self._look(callback, deep)

    def _look(self, value: Any, deep: int) -> None:
        if id(value) in self.seen or not deep:
            return
        self.seen.add(id(value))
        kind = type(value)
        if kind is FunctionType:
            self._look_at_function(value, deep)
        elif kind is MethodType:
            self._look(value.__self__, deep)
            self._look(value.__func__, deep)
        elif kind is BuiltinMethodType:
            self._look(value.__self__, deep)
        elif kind is CACHED:
            self.caches.append((value, value.cache_info().misses))
        elif kind in TRACERS:
            if isinstance(value.cr_value, np.ndarray) and getattr(value, "cr_base", None) is None:
                self.buffers.append((value, value.cr_value, value.cr_owner, value.cr_node))
        elif kind in _CONTAINERS:
            self._look_into(value, deep)
        elif kind is np.ndarray:
            if value.size < _MANY and value.flags.writeable:
                self.arrays.append((value, value.copy()))
        else:
            self._look_at_object(value, deep)

    def _look_at_function(self, value: Any, deep: int) -> None:
        own = str(value.__module__).split(".")[0] not in _LIBRARIES
        for cell in value.__closure__ or ():
            try:
                held = cell.cell_contents
            except ValueError:  # still empty
                continue
            if own:
                self.cells.append((cell, held))
            if own or type(held) in (FunctionType, MethodType):
                self._look(held, deep - 1)
        if not own:
            return
        for held in (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()):
            self._look(held, deep - 1)
        space = value.__globals__
        written = {n: space[n] for n in _written(value.__code__) if n in space}
        if written:
            self.names.append((space, written))
        for name in value.__code__.co_names:
            self._look(space.get(name), deep - 1)
        self._look_into(value.__dict__, deep)

    def _look_into(self, value: Any, deep: int) -> None:
        if len(value) >= _MANY:
            return
        if isinstance(value, set):
            self.sets.append((value, set(value)))
            return
        if isinstance(value, dict):
            self.spaces.append((value, dict(value)))
            held = list(value.values())
        else:
            self.lists.append((value, held := list(value)))
        for v in held if len(held) <= _FEW else ():
            if type(v) in _CONTAINERS or type(v) in TRACERS or type(v) is np.ndarray:
                self._look(v, deep - 1)

    def _look_at_object(self, value: Any, deep: int) -> None:
        for name in ("func", "__wrapped__", "__self__"):
            if hasattr(type(value), name) or name in getattr(value, "__dict__", {}):
                self._look(getattr(value, name, None), deep)
        if kind_of(value) in _LIBRARIES or isinstance(value, ModuleType):
            return
        if isinstance(value, type) or hasattr(type(value), "__slots__"):
            self.owners.append((value, _attributes(value)))
        space = getattr(value, "__dict__", None)
        if type(space) is dict:
            self._look_into(space, deep)

    def refill(self) -> None:
        """Give buffers that the solver's calls have marked what they held before."""
        for buffer, value, owner, node in self.buffers:
            if buffer.cr_value is not value and type(buffer.cr_owner) is Inside:
                buffer.cr_value, buffer.cr_owner, buffer.cr_node = value, owner, node

    def reset(self, buffer: Any) -> None:
        """As `refill`, for one buffer that an earlier call of the engine has left its values in."""
        for other, value, owner, node in self.buffers:
            if other is buffer:
                buffer.cr_value, buffer.cr_owner, buffer.cr_node = value, owner, node

    def taint(self, mark: Function) -> None:
        """Mark the values that were written since."""
        for cell, held in self.cells:
            if cell.cell_contents is not held:
                cell.cell_contents = mark(cell.cell_contents)
        for spaces, all_of_it in ((self.spaces, True), (self.names, False)):
            for space, before in spaces:
                for k in list(space if all_of_it else before):
                    if space.get(k) is not before.get(k):
                        space[k] = mark(space.get(k))
        for owner, before in self.owners:
            for k, v in _attributes(owner).items():
                if k not in before or v is not before[k]:
                    setattr(owner, k, mark(v))
        for array, before in self.arrays:
            if array.dtype.kind == "O":
                for i, v in enumerate(array.flat):
                    if v is not before.flat[i]:
                        array.flat[i] = mark(v)
        for held, items in self.lists:
            for i, v in enumerate(held):
                if i >= len(items) or v is not items[i]:
                    held[i] = mark(v)

    def undo(self) -> None:
        """Put everything back as it was."""
        for cell, held in self.cells:
            if cell.cell_contents is not held:
                cell.cell_contents = held
        for space, before in self.spaces:
            if len(space) != len(before) or any(space.get(k) is not v for k, v in before.items()):
                space.clear()
                space.update(before)
        for owner, before in self.owners:
            for k, v in _attributes(owner).items():
                if k not in before:
                    delattr(owner, k)
                elif v is not before[k]:
                    setattr(owner, k, before[k])
        for space, names in self.names:
            for name, held in names.items():
                if space.get(name) is not held:
                    space[name] = held
        for buffer, value, owner, node in self.buffers:
            if buffer.cr_value is not value:
                buffer.cr_value, buffer.cr_owner, buffer.cr_node = value, owner, node
        for array, before in self.arrays:
            if array.flags.writeable:
                np.copyto(array, before)
        for cache, misses in self.caches:
            if cache.cache_info().misses != misses:
                cache.cache_clear()
        for group, members in self.sets:
            group.intersection_update(members)
            group.update(members)
        for held, items in self.lists:
            if len(held) != len(items) or any(a is not b for a, b in zip(held, items, strict=True)):
                held.clear()
                held.extend(items)


def _attributes(owner: Any) -> dict[str, Any]:
    """Return what a program may have set of a class, or in the slots of an object."""
    if isinstance(owner, type):
        return {k: v for k, v in vars(owner).items() if not k.startswith("__")}
    space = getattr(owner, "__dict__", {})
    return {n: v for n, v in attributes(owner).items() if n not in space}


@lru_cache(maxsize=1000)
def _written(code: CodeType) -> frozenset[str]:
    """Return the globals that a function binds."""
    return frozenset(i.argval for i in dis.get_instructions(code) if i.opname == "STORE_GLOBAL")


def kind_of(value: Any) -> str:
    """Return the package that a class, or the class of an object, is of."""
    kind = value if isinstance(value, type) else type(value)
    return str(kind.__module__).split(".")[0]


_LIBRARIES = frozenset("builtins numpy scipy chainrule types functools".split())
_CONTAINERS = (list, dict, set, deque, defaultdict, OrderedDict, Counter)
_MANY = 10_000
_FEW = 100  # containers up to here are looked at for others in them

"""`vmap`: a function of one example becomes a function of a whole batch, run once."""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import tree
from .api import Derived
from .core.memory import own_copy
from .errors import BatchError, ChainRuleError, UnsupportedFunctionError, made, made_anywhere
from .lift import name_of, output_leaves, parameter_name, run_traced
from .modes.batch import Batch
from .tracing.foreign import leave
from .tracing.running import CLOSED
from .tracing.source import describe, user_frame
from .tracing.stacked import OneByOneError, every
from .tracing.strange import strange
from .tracing.tracer import TRACERS, concrete, hold, release

Function = Callable[..., Any]
Axes = Any


def vmap(f: Function, in_axes: Axes = 0, out_axes: Axes = 0) -> Derived:
    """Return the function that maps `f` over a batch: written for one example, run once for all.

    ``vmap(f)(xs)`` is ``np.stack([f(x) for x in xs])``, without the loop. It nests, and goes with
    `grad`, `jvp`, `vjp`, `jacobian` and `hessian` on either side: ``vmap(grad(loss), (None, 0))``
    is the gradient of every example.

    Parameters
    ----------
    in_axes : which axis of each positional argument counts the examples; None for an argument that
        all examples share. One integer stands for all arguments, a tuple names one per argument,
        and an entry may itself be a dict, list or tuple over the parts of its argument. Keyword
        arguments are mapped over axis 0.
    out_axes : where the axis of the examples goes in the result, in the same way; None for a result
        that does not depend on the example.

    Inside, `x` has the shape and dtype of one example. A branch or a conversion to a plain number
    goes on if all examples agree, and raises else. Random numbers drawn inside are the same for all
    examples. What is a loop over the examples (solvers, masks as indices, some decompositions) is
    listed in ``docs/policy/batching.md``.

    Raises
    ------
    BatchError.

    >>> import numpy as np, chainrule
    >>> chainrule.vmap(lambda x, w: x @ w, in_axes=(0, None))(np.eye(2), np.array([3.0, 4.0]))
    array([3., 4.])
    """
    for name, axes in (("in_axes", in_axes), ("out_axes", out_axes)):
        _check_axes(name, axes)
    return Derived(_vmap, f, in_axes, out_axes)


def _vmap(f: Function, args: Any, kwargs: Any, in_axes: Axes, out_axes: Axes) -> Any:
    """Map a function over a batch."""
    mapped = _mapped(f, args, kwargs, in_axes)
    batch = Batch(_size(f, mapped))
    before, places, elsewhere = made.count, made.places, made_anywhere[0] - made.count
    try:
        result = _at_once(f, mapped, args, kwargs, batch, out_axes)
        silent = made.count == before and made_anywhere[0] - made.count == elsewhere
        if not batch.size or (batch.failed is None and silent):
            return result
        cause = batch.failed or RuntimeError("an error for some examples, which was caught")
    except Exception as error:
        if _is_final(error, batch, made.count - before, made.places - places):
            raise
        cause = error
    if batch.random:
        raise _random(f, cause) from cause
    cause.__traceback__ = None  # its frames hold arrays, of which `lent` counts the holders
    made_anywhere[0] -= made.count - before
    made.count = before  # what an outer batch has to know comes again
    return _one_by_one(f, mapped, args, kwargs, batch.size, out_axes)


def _is_final(error: Exception, batch: Batch, made: int, places: int) -> bool:
    """Say whether an error is the whole story: no other was made before, which was caught."""
    one_by_one = isinstance(error, OneByOneError | UnsupportedFunctionError)
    if not batch.size or (batch.random and not one_by_one):
        return True
    if one_by_one:
        return False
    if isinstance(error, ChainRuleError):
        same = batch.failed is None or getattr(batch.failed, "where", None) == error.where
        return same and places <= 1
    return made == 0 and batch.failed is None


def _at_once(
    f: Function, mapped: Any, args: Any, kwargs: Any, batch: Batch, out_axes: Axes
) -> Any:
    """Run the function once, on tracers of the batch."""
    inputs = [[_example(batch, leaf, axis) for leaf, axis, _ in part] for part, _ in mapped]
    positional, named = _call(mapped, inputs, args, kwargs)
    out = run_traced(batch, f, positional, named)
    leaves, treedef = output_leaves(f, out)
    axes = _spread(out_axes, out, "out_axes", "the result")
    given = [concrete(leaf) for part, _ in mapped for leaf, axis, _ in part if axis is not None]
    results: list[Any] = []
    for leaf, axis in zip(leaves, axes, strict=True):
        results.append(_collected(f, batch, leaf, axis, given))
        given.append(concrete(results[-1]))
    return tree.unflatten(treedef, results)


def _call(mapped: Any, leaves: Any, args: Any, kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    """Put leaves back into the containers of the arguments."""
    parts = [tree.unflatten(treedef, part) for part, (_, treedef) in
             zip(leaves, mapped, strict=True)]  # fmt: skip
    return parts[: len(args)], dict(zip(kwargs, parts[len(args) :], strict=True))


def _one_by_one(
    f: Function, mapped: Any, args: Any, kwargs: Any, size: int, out_axes: Axes
) -> Any:
    """Run the function for one example after the other, each with arrays of its own."""
    rows, treedef = [], None
    for i in range(size):
        leaves = [
            [x if axis is None else _row(x, axis, i) for x, axis, _ in part]
            for part, _ in mapped
        ]
        positional, named = _call(mapped, leaves, args, kwargs)
        out = f(*positional, **named)
        found, treedef = output_leaves(f, out)
        rows.append(found)
    results = []
    for axis, column in zip(
        _spread(out_axes, out, "out_axes", "the result"), zip(*rows, strict=True), strict=True
    ):
        if axis is None:
            if any(np.any(np.not_equal(every(x), every(column[0]))) for x in column):
                raise _differs(f)
            results.append(column[0])
            continue
        shapes = {np.shape(x) for x in column}
        if len(shapes) > 1:
            raise _ragged(f, shapes)
        results.append(np.stack(column, axis=_in_range(axis, np.ndim(column[0]) + 1, "out_axes")))
    return tree.unflatten(treedef, results)


def _row(x: Any, axis: int, i: int) -> Any:
    row = x[(slice(None),) * axis + (i,)]
    return own_copy(row) if type(row) is np.ndarray else row


def _example(batch: Batch, leaf: Any, axis: int | None) -> Any:
    if type(leaf) in TRACERS and leaf.cr_owner.past():
        leaf = leaf.cr_concrete()
    if axis is None:
        return hold(leaf)  # values of the batch may be stored into an array that all share
    if type(leaf) is np.ndarray:
        leaf = own_copy(leaf)  # the caller's, who may write into it; x[:, i] keeps its layout
    return batch.lift(np.moveaxis(leaf, axis, 0) if axis else leaf)


def _collected(f: Function, batch: Batch, leaf: Any, axis: int | None, given: list[Any]) -> Any:
    """Return one output, for the caller to keep: its batch axis at `axis`."""
    if type(leaf) in TRACERS and leaf.cr_owner is batch:
        if axis is None:
            raise _differs(f)
        data = leaf.cr_value.data
        return _own(np.moveaxis(data, 0, _in_range(axis, data.ndim, "out_axes")), given)
    leaf = leave(release(leaf))
    if type(leaf) in TRACERS and leaf.cr_owner.state == CLOSED:
        raise leaf.cr_owner.leaked("vmap")
    if axis is None:
        return leaf
    whole = np.broadcast_to(leaf, (batch.size, *np.shape(leaf)))
    return np.copy(np.moveaxis(whole, 0, _in_range(axis, whole.ndim, "out_axes")))


def _random(f: Function, error: Any) -> BatchError:
    return BatchError(
        f"{name_of(f)} draws random numbers, and it cannot be run for all examples at once",
        where=describe(user_frame(2)),
        why=f"all examples are to see the same numbers, but one by one each would draw its own; "
        f"what stands in the way: {getattr(error, 'what', error)}",
        cure="draw before, and pass the numbers as an argument with in_axes=None",
    )


def _ragged(f: Function, shapes: set[tuple[int, ...]]) -> BatchError:
    return BatchError(
        f"{name_of(f)} gives results of different shapes for the examples: "
        + ", ".join(map(str, sorted(shapes))),
        where=describe(user_frame(2)),
        why="they cannot be held as one array",
        cure="return arrays of one shape: np.where(mask, x, 0) in the place of x[mask]; or loop "
        "over the examples",
    )


def _differs(f: Function) -> BatchError:
    return BatchError(
        f"{name_of(f)} returned a value that differs from example to example, but its out_axes is "
        "None",
        where=describe(user_frame(2)),
        cure="write out_axes=0, or return what does not depend on the examples",
    )


def _own(data: Any, given: list[Any]) -> Any:
    """Copy what shares memory with an input or with another output, or hangs on a larger array."""
    if type(data) is not np.ndarray:
        return data.cr_snapshot() if type(data) in TRACERS else leave(data)
    whole = data.base
    spare = isinstance(whole, np.ndarray) and whole.nbytes > data.nbytes
    if spare or not data.flags.writeable or any(np.may_share_memory(data, x) for x in given):
        return data.copy()
    return data


# --- which axis of what ---------------------------------------------------------------------------


def _mapped(f: Function, args: Any, kwargs: Any, in_axes: Axes) -> list[Any]:
    """Return (leaf, axis, name) of everything in each argument, and how it was nested."""
    if isinstance(in_axes, tuple | list):
        if len(in_axes) != len(args):
            raise BatchError(
                f"in_axes has {len(in_axes)} entries, but {name_of(f)} was called with "
                f"{len(args)} positional argument{'s' if len(args) != 1 else ''}",
                where=describe(user_frame(2)),
                why="there is one entry for each positional argument; keyword arguments are mapped "
                "over axis 0",
                cure=f"write in_axes=({', '.join('0' for _ in args)}{',' * (len(args) == 1)}), "
                "with None for what all examples share",
            )
        axes = list(in_axes)
    else:
        axes = [in_axes] * len(args)
    found = []
    for k, (arg, spec) in enumerate(zip(args, axes, strict=True)):
        found.append(_leaves(arg, spec, parameter_name(f, k)))
    for name, arg in kwargs.items():
        found.append(_leaves(arg, 0, name))
    return found


def _leaves(arg: Any, spec: Axes, name: str) -> tuple[list[tuple[Any, Any, str]], Any]:
    leaves, treedef = tree.flatten(arg)
    axes = _spread(spec, arg, "in_axes", name)
    paths = [name + path for path in tree.paths(arg)]
    part = []
    for leaf, axis, path in zip(leaves, axes, paths, strict=True):
        if axis is not None:
            leaf = _array(leaf, path)
            axis = _in_range(axis, leaf.ndim, "in_axes", path)
        part.append((leaf, axis, path))
    return part, treedef


def _spread(axes: Axes, value: Any, which: str, name: str) -> list[int | None]:
    """Return the axis of every leaf of `value`: `axes` may stop at any container."""
    if axes is None or isinstance(axes, int | np.integer):
        return [axes] * len(tree.flatten(value)[0])
    tree.flatten(value)  # makes dataclasses known
    tree.flatten(axes)
    try:
        parts, wanted = tree.one_level(value), tree.one_level(axes)
    except ValueError:
        parts = wanted = None
    same = parts is not None and wanted is not None and (
        parts.entries == wanted.entries and type(value) in (type(axes), list, tuple)
        and (type(value) is type(axes) or type(axes) in (list, tuple))
    )  # fmt: skip
    if not same:
        raise BatchError(
            f"{which} does not have the structure of {name}",
            where=describe(user_frame(2)),
            why=f"it has a {type(axes).__name__} {axes!r} where {name} is a "
            f"{value.__class__.__name__}",
            cure=f"write one integer or None for all of {name}, or the same nesting of dicts, "
            "lists and tuples with an integer or None for each part",
        )
    return [
        axis for entry, child, spec in zip(parts.entries, parts.children, wanted.children,
                                           strict=True)
        for axis in _spread(spec, child, which, f"{name}[{entry!r}]")
    ]  # fmt: skip


def _array(leaf: Any, name: str) -> Any:
    leaf = release(leaf)
    if type(leaf) in TRACERS:
        return leaf.cr_snapshot()
    plain = isinstance(leaf, np.ndarray) and not strange(type(leaf))
    if plain and leaf.dtype.kind in "fcbiu":
        return leaf if type(leaf) is np.ndarray else np.asarray(leaf)
    if isinstance(leaf, int | float | complex | np.generic):
        raise BatchError(
            f"{name} is the number {leaf!r}: it has no axis of examples",
            where=describe(user_frame(2)),
            why="vmap takes arrays apart along an axis; keyword arguments along axis 0",
            cure=f"pass None for {name} in in_axes, as all examples share it; bind a keyword "
            "argument beforehand: functools.partial(f, name=value); make an array of a list first, "
            "np.asarray(values)",
        )
    kind = f"an array of {leaf.dtype}" if isinstance(leaf, np.ndarray) else type(leaf).__name__
    dtype = getattr(leaf, "dtype", None)  # an array of another library is not computed for it
    if dtype is None and not isinstance(leaf, str | bytes):
        dtype = np.asarray(leaf).dtype
    numeric = getattr(dtype, "kind", "O") in "fcbiu"
    raise BatchError(
        f"{name} cannot be mapped over: it is {kind}",
        where=describe(user_frame(2)),
        why="a batch is a NumPy array of numbers",
        cure=f"pass {f'np.asarray({name})' if numeric else f'None for {name} in in_axes'}",
    )


def _in_range(axis: Any, ndim: int, which: str, name: str = "the result") -> int:
    if -ndim <= axis < ndim:
        return int(axis) % ndim
    raise BatchError(
        f"{which} names axis {axis} of {name}, which has {ndim} axes",
        where=describe(user_frame(2)),
        cure=f"name one of {-ndim} … {ndim - 1}" if ndim else f"pass None for {name}: all examples "
        "share it",
    )


def _size(f: Function, mapped: list[Any]) -> int:
    """Return how many examples there are; every mapped array must say the same."""
    sizes = {
        name: (leaf.shape[axis], axis)
        for part, _ in mapped for leaf, axis, name in part if axis is not None
    }  # fmt: skip
    if not sizes:
        raise BatchError(
            f"no argument of {name_of(f)} is mapped over",
            where=describe(user_frame(2)),
            why="in_axes is None for all of them, so the number of examples is not known"
            if mapped else "it was called without positional arguments",
            cure="name an axis for at least one argument, or call the function itself"
            if mapped else "pass the examples by their position",
        )
    counts = {n for n, _ in sizes.values()}
    if len(counts) > 1:
        words = [f"{name} has {n} along axis {axis}" for name, (n, axis) in sizes.items()]
        raise BatchError(
            "the arguments disagree on the number of examples: " + ", ".join(words),
            where=describe(user_frame(2)),
            cure="pass arrays of equal length along the mapped axes; in_axes=None for what all "
            "examples share",
        )
    return int(counts.pop())


def _check_axes(name: str, axes: Axes) -> None:
    leaves = tree.flatten(axes)[0]
    if any(isinstance(a, bool) or not isinstance(a, int | np.integer) for a in leaves):
        raise BatchError(
            f"{name}={axes!r} holds something else than integers and None",
            where=describe(user_frame(2)),
            cure=f"write {name}=0, or a tuple such as {name}=(0, None)",
        )

"""The verbs for functions of SciPy: read a call by the function's own signature, refuse, anchor."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...core.holders import plain as plain
from ...core.holders import traced as traced
from ...core.op import Composite, Notation, Op
from ...core.registry import add, register
from ...core.sequences import items
from ...core.settings import Silence
from ...core.slots import INDEX, Jvp
from ...errors import BatchError, RuleError, UnsupportedFunctionError
from ..declare import as_array

_IGNORED = ("overwrite_a", "overwrite_b", "overwrite_ab", "overwrite_a_band", "lwork")


@contextmanager
def own_stream() -> Iterator[None]:
    """Leave NumPy's global stream as it is: SciPy estimates norms by random vectors of it.

    A program that draws must see the same numbers whether it is differentiated or not, so what only
    a derivative computes draws nothing.
    """
    state = global_state()
    try:
        yield
    finally:
        global_state(state)


def global_state(wanted: Any = None) -> Any:
    """Return the state of NumPy's global stream, or set it."""
    if wanted is None:
        return np.random.get_state(legacy=False)  # noqa: NPY002
    return np.random.set_state(wanted)  # noqa: NPY002


def reader(function: Any) -> Callable[[Any, Any], dict[str, Any]]:
    """Return what reads a call of `function`: its arguments by name, defaults included.

    Permissions to overwrite an argument are left out: a traced value is never overwritten. The
    signature is taken now, since a function has another code while a trace runs.
    """
    signature = inspect.signature(function)

    def read(args: Any, kwargs: Any) -> dict[str, Any]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return {k: v for k, v in bound.arguments.items() if k not in _IGNORED}

    return read


def binder(function: Any, *arrays: str) -> Callable[..., Any]:
    """Return a `bind` that makes the arguments `arrays` the inputs, and the others params."""
    read = reader(function)

    def bind(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        params = read(args, kwargs)
        return tuple(as_array(params.pop(name)) for name in arrays), params

    return bind


def refused(function: Any, why: str, cure: str, name: str = "") -> None:
    """Register a function that is refused when it receives a traced value, and say why."""
    name = name or f"{function.__module__}.{getattr(function, '__qualname__', function)}"

    def body(*_args: Any, **_kwargs: Any) -> Any:
        raise refusal(name, why, cure)

    body.__doc__ = f"Refuse: {why}."
    register(function, Composite(name, body, function))


def refusal(name: str, why: str, cure: str) -> UnsupportedFunctionError:
    """Build the error for a call that has no derivative rule."""
    return UnsupportedFunctionError(f"{name} received a traced value", why=why, cure=cure)


def _computed(y: Any, value: Any, within: float = 1e-6, floor: float = 1e-3) -> Any:
    """Return the library's value, once it is seen to be that of the formula.

    They may differ by the share `within` of the largest value and `floor`.
    """
    close = max(within, 1e-3 if np.asarray(y).dtype.itemsize < 8 else 0.0)
    scale = np.max(np.abs(value), initial=0.0, where=np.isfinite(value))
    with np.errstate(invalid="ignore"):
        near = np.abs(y - value) <= close * (scale + floor)
    if np.shape(y) != np.shape(value) or not np.all(near | (y == value) | ~np.isfinite(y)):
        raise RuleError(
            "a formula differs from the library's value", why=f"{y!r} against {value!r}",
            cure="report it: the derivative would be that of another function",
        )  # fmt: skip
    return value


def _all_computed(op: Op, size: int, args: Any, batched: Any, params: dict[str, Any]) -> Any:
    y, value = (
        a if b else np.broadcast_to(a, (size, *np.shape(a)))
        for a, b in zip(args, batched, strict=True)
    )
    return op(y, value, **params)


_as_computed = Op(
    "as_computed",
    _computed,
    (Jvp(lambda t, _y, _x, _value, **_params: t), INDEX),
    batch=_all_computed,
    complex=True,
    notation=Notation(
        "{0}", "{0}", 0, (0, 0), "the value is the library's, the derivative that of its formula"
    ),
)
add(_as_computed)


def as_computed(y: Any, value: Any, **params: Any) -> Any:
    """Return the library's value, of the class that it has, with the derivatives of y."""
    if type(value) in (float, complex):
        return _as_computed(y, np.asarray(value)[()], **params).item()
    return _as_computed(y, value, **params)


def computed_from(inputs: Any, y: Any, value: Any) -> Any:
    """Return `as_computed`, as near as a library comes that computes in the inputs' precision."""
    single = any(x.dtype.itemsize < 8 for x in inputs)
    return as_computed(y, value, within=1e-3 if single else 1e-6)


def constant_of(name: str, value: Callable[..., Any], batch: Any = "loop") -> Op:
    """Make an op without derivative out of `value`: the numbers that a library computes."""

    def quiet(*xs: Any, **params: Any) -> Any:
        with Silence():
            result = value(*xs, **params)
        return result if hasattr(result, "dtype") else np.asarray(result)[()]

    op = Op(
        name, quiet, (INDEX,), batch=batch, variadic=True, notation=Notation(rule="nothing flows")
    )
    add(op)
    return op


def over_batch(ranks: tuple[int | str, ...], body: Callable[..., Any]) -> Callable[..., Any]:
    """Let `body`, which takes single arrays of these ranks, take stacks of them, as SciPy does.

    The rank "1|2" is 1 for a vector and else 2. None stands for an array that was left out.
    """

    def batched(*arrays: Any, **params: Any) -> Any:
        core = [
            0 if a is None else min(a.ndim, 2) if n == "1|2" else n
            for a, n in zip(arrays, ranks, strict=True)
        ]
        stacks = [
            () if a is None else a.shape[: a.ndim - n]
            for a, n in zip(arrays, core, strict=True)
        ]
        if not any(stacks):
            return body(*arrays, **params)
        shape = np.broadcast_shapes(*stacks)
        if 0 in shape:
            raise ValueError("a batch of size zero is not supported")
        spread = [
            a if a is None else np.broadcast_to(a, shape + a.shape[a.ndim - n :])
            for a, n in zip(arrays, core, strict=True)
        ]
        found = [
            body(*(a if a is None else a[place] for a in spread), **params)
            for place in np.ndindex(shape)
        ]
        if not isinstance(found[0], tuple):
            return _restack(found, shape)
        return [_restack(list(part), shape) for part in zip(*found, strict=True)]  # as SciPy

    return batched


def _restack(found: list[Any], shape: tuple[int, ...]) -> Any:
    whole = np.stack(found)
    return np.reshape(whole, shape + whole.shape[1:])


def agreed(value: Any) -> Any:
    """Return the plain array of `value`: of a batch that of all examples, or they run one by one.

    What is decided by values, and what SciPy computes, is asked of this: a batch is no array.
    """
    try:
        return np.asarray(plain(value))[()]
    except BatchError as error:  # SciPy's need, not the program's: `vmap` goes one by one
        raise UnsupportedFunctionError(error.what, where=error.where, why=error.why) from error


def numbers(value: Any) -> Any:
    """Return the plain numbers of `value`: of one example, also where a batch is computed."""
    parts = items(value)
    if parts is not None:
        return type(parts)(map(numbers, parts))
    value = plain(value)
    if value is None or isinstance(value, np.ndarray | np.generic | float | int | complex | str):
        return value
    if isinstance(value, range) or type(value).__module__.split(".")[0] in ("pandas", "xarray"):
        return np.asarray(value)
    raise UnsupportedFunctionError(  # which `vmap` meets by going one by one
        "SciPy's own code received what holds no plain numbers",
        why=f"it is a {type(value).__name__}, and compiled code reads arrays of NumPy only",
    )


def flows(value: Any) -> bool:
    """Say whether a derivative flows through `value`, or through something that it holds."""
    parts = value.values() if type(value) is dict else items(value)
    if parts is not None:
        return any(map(flows, parts))
    if not traced(value):
        return False
    return value.cr_carries() or not isinstance(plain(value), np.ndarray | np.generic)


def settled(value: Any) -> Any:
    """Return `value` with plain numbers in place of traced ones through which nothing flows."""
    parts = items(value)
    if parts is not None:
        return type(parts)(map(settled, parts))
    if type(value) is dict:
        return {k: settled(v) for k, v in value.items()}
    return plain(value) if traced(value) and not flows(value) else value

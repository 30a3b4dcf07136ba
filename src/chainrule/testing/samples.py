"""Cases: the sample calls of a record, with values drawn from its domain.

A record says in `samples` how its public function is called. `cases` draws one set of values for
each of them, and every law runs on what it returns; so an op is tested by being declared.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..core import registry
from ..core.op import REAL, Composite, Const, Interval, Op, Sample
from ..tracing.faces import numbered

Record = Op | Composite
FROM_KINK = 0.1  # no drawn value is nearer to a kink, so that differences do not straddle it


class Place:
    """Stands in a call for the differentiable array that goes there."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position

    def __repr__(self) -> str:
        return f"x{self.position}"


@dataclass(frozen=True)
class Case:
    """One call of a function, as a function of its differentiable arrays alone.

    `xs` are the drawn values; ``case(*xs)`` is the tuple of the call's real or complex outputs,
    and ``case.result(*xs)`` is what the function itself returns. Integers and booleans are left
    out, unless there is nothing else: then they stand there as floats, whose derivative is zero.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    xs: tuple[Any, ...]
    record: Record | None = None

    def result(self, *xs: Any) -> Any:
        """Call the function with `xs` in their places."""
        return self.function(*_fill(self.args, xs), **self.kwargs)

    def __call__(self, *xs: Any) -> tuple[Any, ...]:
        """Return the outputs that can carry a derivative."""
        return inexact(self.result(*xs))

    def at(self, *xs: Any) -> "Case":
        """Return the same call at other values."""
        return replace(self, xs=xs)

    def alone(self, k: int) -> "Case":
        """Return the same call as a function of its array `k` only."""
        xs = self.xs

        def function(x: Any) -> Any:
            return self.result(*xs[:k], x, *xs[k + 1 :])

        return Case(f"{self.name} in x{k}", function, (Place(0),), {}, (xs[k],), self.record)

    def __repr__(self) -> str:
        shapes = ", ".join(f"x{k}: {x.dtype}{list(np.shape(x))}" for k, x in enumerate(self.xs))
        words = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.kwargs.items()]
        return f"{self.name}({', '.join(words)}) with {shapes or 'no arrays'}"


def outputs(result: Any) -> list[Any]:
    """Return the arrays in a result: itself, or the members of its (named) tuples and lists."""
    if isinstance(result, tuple | list):
        return [o for part in result for o in outputs(part)]
    result = numbered(result)  # a traced number of Python's, which has no dtype
    return [result if hasattr(result, "dtype") else np.asarray(result)[()]]


def inexact(result: Any) -> tuple[Any, ...]:
    """Return the outputs that are floats or complex; if there is none, all of them, as floats."""
    found = outputs(result)
    return tuple(o for o in found if o.dtype.kind in "fc") or tuple(
        o.astype(np.float64) for o in found
    )


def _fill(args: Any, xs: Any) -> Any:
    if isinstance(args, Place):
        return xs[args.position]
    if isinstance(args, tuple | list) and any(isinstance(a, Place | list | tuple) for a in args):
        return type(args)(_fill(a, xs) for a in args)
    return args


def interval(record: Any, position: int) -> Interval:
    """Return the declared domain of one argument; the last one holds for all that follow."""
    domain = record.domain
    return domain[min(position, len(domain) - 1)] if domain else REAL


def inside(bounds: Interval, reach: float = 3.0) -> Interval:
    """Return the part of a domain where laws draw: within ±`reach` if it can, off its ends."""
    low, high = max(bounds[0], -reach), min(bounds[1], reach)
    if not low < high:
        low, high = bounds
    margin = 0.05 * (high - low)
    return low + margin, high - margin


def draw_array(
    rng: np.random.Generator, shape: tuple[int, ...], bounds: Interval = REAL,
    kinks: tuple[float, ...] = (), dtype: Any = np.float64,
) -> Any:  # fmt: skip
    """Draw an array (a NumPy scalar for the shape ``()``) in `bounds`, away from `kinks`."""
    low, high = inside(bounds)
    values = rng.uniform(low, high, shape)
    for _ in range(100):
        near = np.zeros(shape, bool)
        for kink in kinks:
            near |= abs(values - kink) < FROM_KINK
        if not near.any():
            break
        values = np.where(near, rng.uniform(low, high, shape), values)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.uniform(-0.4, 0.4, shape)
    return np.asarray(values, dtype)[()]


def draw(
    record: Record, call: Sample, rng: np.random.Generator, dtype: Any = np.float64, name: str = ""
) -> Case:
    """Draw values for one sample call of `record`."""
    xs: list[Any] = []

    def place(value: Any) -> Place:
        xs.append(value)
        return Place(len(xs) - 1)

    def fill(arg: Any, position: int) -> Any:
        if isinstance(arg, Const):
            return arg.value
        if isinstance(arg, tuple) and all(isinstance(n, int) for n in arg):
            bounds = interval(record, position)
            return place(draw_array(rng, arg, bounds, getattr(record, "kinks", ()), dtype))
        if isinstance(arg, list):
            return [fill(a, position) for a in arg]
        if isinstance(arg, tuple):
            return tuple(fill(a, position) for a in arg)
        if isinstance(arg, type) or not callable(arg):
            return arg
        return _drawn(arg(rng), rng, dtype, place)

    args = tuple(fill(a, k) for k, a in enumerate(call.args))
    kwargs = {k: v.value if isinstance(v, Const) else v for k, v in call.kwargs.items()}
    function = record if record.function is None else record.function
    return Case(name or record.name, function, args, kwargs, tuple(xs), record)  # type: ignore[arg-type]


def _drawn(value: Any, rng: np.random.Generator, dtype: Any, place: Callable[[Any], Place]) -> Any:
    """Place what a sample's callable drew; integers and booleans are passed on as they are."""
    if isinstance(value, list | tuple):
        return type(value)(_drawn(v, rng, dtype, place) for v in value)
    value = np.asarray(value)
    if value.dtype.kind not in "fc":
        return value
    kind = np.dtype(dtype)
    if kind.kind == "c" and value.dtype.kind == "f":
        value = value + 0.05j * rng.standard_normal(value.shape)
    if kind.kind == "f" and value.dtype.kind == "c":
        kind = np.dtype(np.complex64 if kind == np.float32 else np.complex128)
    return place(value.astype(kind)[()])


def seed_of(name: str, more: int = 0) -> int:
    """Return a seed that depends on the name alone, so that a failure repeats."""
    return zlib.crc32(f"{name}/{more}".encode())


def cases(record: Record, dtype: Any = np.float64, more: int = 0) -> Iterator[Case]:
    """Yield a case for every sample of `record` that has an array to differentiate in.

    `more` asks for other values.
    """
    for i, call in enumerate(record.samples):
        rng = np.random.default_rng(seed_of(f"{record.name}[{i}]", more))
        case = draw(record, call, rng, dtype, f"{record.name}[{i}]")
        if case.xs:
            yield case


def all_records() -> list[Record]:
    """Return every record of the registry once, ops that stand behind no function included."""
    registry.load_all()
    found: dict[int, Record] = {id(op): op for op in registry.ops()}
    for _, record in registry.records():
        found.setdefault(id(record), record)
    return list(found.values())

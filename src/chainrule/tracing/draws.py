"""Random numbers in a traced program: constants, or a traced location and scale of constants.

A draw does not depend on the inputs, so it is a constant. Where the parameters of a location-scale
family are traced, the same standard draw is scaled and shifted, and the result carries its pathwise
derivative (D. P. Kingma and M. Welling, ICLR 2014; S. Mohamed et al., JMLR 21 (2020), §5): with
z standard normal, x = μ + σ·z has ∂x/∂μ = 1 and ∂x/∂σ = z. The stream of the generator is used
exactly as without tracing.

Families without such a form (counts, `beta`, `gamma` in its shape) are refused when their
parameters are traced.
"""

import copyreg
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import compress
from typing import Any

import numpy as np

from ..core.sequences import items
from ..errors import UnsupportedFunctionError
from . import tracer as tracers
from .alike import reduced
from .casts import STAND_INS, LookAlike
from .running import running
from .source import describe, user_frame
from .ufuncs import carries

Form = Callable[..., Any]


_AFFINE = ("loc", "scale"), lambda z, p: p["loc"] + p["scale"] * z, {"loc": 0.0, "scale": 1.0}


def _scaled(*fixed: str, scale: str = "scale") -> tuple[Any, ...]:
    return (*fixed, scale), lambda z, p: p[scale] * z, {scale: 1.0}


# the parameters in their order, the draw made of the standard one, and the standard parameters
_FORMS: dict[str, tuple[Any, ...]] = {
    "normal": _AFFINE,
    "laplace": _AFFINE,
    "logistic": _AFFINE,
    "gumbel": _AFFINE,
    "uniform": (
        ("low", "high"),
        lambda z, p: p["low"] + (p["high"] - p["low"]) * z,
        {"low": 0.0, "high": 1.0},
    ),
    "exponential": _scaled(),
    "rayleigh": _scaled(),
    "gamma": _scaled("shape"),
    "lognormal": (
        ("mean", "sigma"),
        lambda z, p: np.exp(p["mean"] + p["sigma"] * np.log(z)),
        {"mean": 0.0, "sigma": 1.0},
    ),
    "weibull": (("a",), lambda z, p: z ** (1.0 / p["a"]), {"a": 1.0}),
    "pareto": (("a",), lambda z, p: (1.0 + z) ** (1.0 / p["a"]) - 1.0, {"a": 1.0}),
    "power": (("a",), lambda z, p: z ** (1.0 / p["a"]), {"a": 1.0}),
}
_DEFAULTS = {"loc": 0.0, "scale": 1.0, "low": 0.0, "high": 1.0, "mean": 0.0, "sigma": 1.0}
_OTHERS = (
    "beta binomial chisquare choice dirichlet f geometric hypergeometric integers "
    "logseries multinomial multivariate_hypergeometric negative_binomial noncentral_chisquare "
    "noncentral_f poisson standard_gamma standard_t triangular vonmises wald zipf permutation "
    "permuted shuffle multivariate_normal rand randint random_integers"
)
_Z = tracers.TRACERS


def _is_traced(values: Any) -> bool:
    return any(type(v) in _Z or _is_traced(items(v) or ()) for v in values)


def draw(plain: Any, name: str, args: Any, kwargs: Any, since: Any = None) -> Any:
    """Make the draw `name`, for which ``plain(name)`` is the generator's own method.

    `since` is when the program has made the generator of a seed, if it has meanwhile.
    """
    if not running.traces:
        return plain(name)(*args, **kwargs)
    running.draws += 1
    running.drawn_in = running.traces[0]
    (since or running.outside)[1] = running.draws
    for trace in running.traces:
        trace.drawn(since)
    if not _is_traced(args) and not _is_traced(kwargs.values()):
        return tracers.hold(plain(name)(*args, **kwargs))
    if name in _ARRANGE:
        return _ARRANGE[name](plain, *args, **kwargs)
    form = _FORMS.get(name)
    fixed = form[0][: len(form[0]) - len(form[2])] if form else ()
    names = form[0] if form else ()
    given = dict(zip((*names, "size"), args, strict=False)) | kwargs
    if form is None or carries([given.get(n) for n in fixed]):
        if not carries(args) and not carries(kwargs.values()):
            return tracers.hold(_with_plain(plain(name), args, kwargs))
        raise _refused(name)
    size = given.pop("size", None)
    values = {n: tracers.ufuncs.as_operand(given.get(n, _DEFAULTS.get(n))) for n in names}
    if size is None:
        size = np.broadcast_shapes(*(np.shape(v) for v in values.values())) or None
    standard = {n: tracers.known(values[n]) for n in fixed} | form[2]
    z = plain(name)(**standard, size=size)
    found = form[1](z, {n: tracers.doubled(v) if type(v) in _Z else v for n, v in values.items()})
    return found.item() if type(z) is float else found


def _with_plain(function: Any, args: Any, kwargs: Any) -> Any:
    return function(*map(_plain, args), **{k: _plain(v) for k, v in kwargs.items()})


def _plain(value: Any) -> Any:
    parts = items(value)
    return tracers.known(value) if parts is None else type(parts)(map(_plain, parts))


def _refused(name: str) -> UnsupportedFunctionError:
    return UnsupportedFunctionError(
        f"a draw of {name} has traced parameters, and no pathwise derivative",
        where=describe(user_frame(3)),
        why="its value does not depend on the parameters through a location or a scale",
        cure="draw with plain parameters, rng."
        + f"{name}(…, chainrule.stop_gradient(p)), and weight the result by its likelihood; or "
        "transform a draw of rng.normal, rng.uniform, rng.exponential",
    )


def _choice(plain: Any, a: Any, *args: Any, **kwargs: Any) -> Any:
    if carries(args) or carries(kwargs.values()):
        raise _refused("choice")
    if kwargs.get("axis", 0) != 0 or type(a) in (int, np.int64):
        raise _refused("choice")
    a = tracers.ufuncs.as_operand(a)
    return a[_with_plain(plain("choice"), (len(a), *args), kwargs)]


def _permutation(plain: Any, x: Any, axis: int = 0) -> Any:
    x = tracers.ufuncs.as_operand(x)
    order = np.arange(x.shape[axis])
    rows = np.broadcast_to(order[:, None], (len(order), 2)).copy() if x.ndim > 1 else order
    rows = plain("permutation")(rows)
    return tracers.call(np.take, (x, rows if x.ndim == 1 else rows[:, 0], axis), {})


def _shuffle(plain: Any, x: Any, axis: int = 0) -> None:
    if type(x) not in _Z:  # a list of traced numbers: its elements change places
        plain("shuffle")(x)
        return
    order = np.arange(x.shape[axis])
    rows = order if x.ndim == 1 else np.broadcast_to(order[:, None], (len(order), 2)).copy()
    plain("shuffle")(rows)
    x[...] = tracers.call(np.take, (x, rows if x.ndim == 1 else rows[:, 0], axis), {})


def _permuted(plain: Any, x: Any, *, axis: Any = None, out: Any = None) -> Any:
    places = plain("permuted")(np.arange(x.size).reshape(x.shape), axis=axis)
    result = tracers.call(np.take, (x, places), {})
    if out is None:
        return result
    out[...] = result
    return out


def _multivariate_normal(plain: Any, mean: Any, cov: Any, *args: Any, **kwargs: Any) -> Any:
    if carries([cov]):
        raise UnsupportedFunctionError(
            "multivariate_normal was given a traced covariance",
            where=describe(user_frame(3)),
            why="NumPy draws through a singular value decomposition, whose factors are not unique",
            cure="write ‹mean 0› + np.linalg.cholesky(‹cov 1›) @ "
            "‹self›.standard_normal(len(‹mean 0›))",
        )
    mean = tracers.ufuncs.as_operand(mean)
    zero = np.zeros(mean.shape)
    return mean + _with_plain(plain("multivariate_normal"), (zero, cov, *args), kwargs)


_ARRANGE: dict[str, Form] = {
    "choice": _choice,
    "permutation": _permutation,
    "shuffle": _shuffle,
    "permuted": _permuted,
    "multivariate_normal": _multivariate_normal,
}
_NAMES = (*_FORMS, *_OTHERS.split())


class TracedGenerator(np.random.Generator):
    """A generator that shares the stream of another one, and whose parameters may be traced."""

    cr_original: Any = None  # what the program is left with, should it keep this one
    cr_since: Any = None


class TracedRandomState(np.random.RandomState):
    """The legacy generator, likewise; it hands every draw to the one that it stands for."""

    cr_original: Any
    cr_since: Any = None

    def __getattribute__(self, name: str) -> Any:
        if name in _LEGACY:
            original = object.__getattribute__(self, "cr_original")
            return _method(lambda n: getattr(original, n), name, self.cr_since)
        if name in ("cr_original", "cr_since", "__class__", "__dict__"):
            return object.__getattribute__(self, name)
        return getattr(object.__getattribute__(self, "cr_original"), name)


STAND_INS |= {TracedGenerator: np.random.Generator, TracedRandomState: np.random.RandomState}


def _method(plain: Any, name: str, since: Any = None) -> Any:
    return lambda *args, **kwargs: draw(plain, name, args, kwargs, since)


def _of_generator(name: str) -> Any:
    own = getattr(np.random.Generator, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        def plain(n: str) -> Any:
            return getattr(super(TracedGenerator, self), n)

        return draw(plain, name, args, kwargs, self.cr_since)

    method.__name__, method.__doc__ = name, own.__doc__
    return method


for _name in (*_NAMES, "standard_normal", "standard_exponential", "random"):
    if hasattr(np.random.Generator, _name):
        setattr(TracedGenerator, _name, _of_generator(_name))
_LEGACY = frozenset(
    n for n in (*_NAMES, "standard_normal", "standard_exponential", "random", "random_sample",
                "randn", "rand") if hasattr(np.random.RandomState, n)
)  # fmt: skip


GENERATORS = (np.random.Generator, np.random.RandomState)


def traced_generator(rng: Any) -> Any:
    """Return what stands for a generator while a function is traced; anything else as it is."""
    if type(rng) is np.random.Generator:
        made = TracedGenerator(rng.bit_generator)
        made.cr_original = rng
        return made
    if type(rng) is np.random.RandomState:
        stand_in = TracedRandomState.__new__(TracedRandomState)
        object.__setattr__(stand_in, "cr_original", rng)
        return stand_in
    return rng


def default_rng(*args: Any, **kwargs: Any) -> Any:
    """As `np.random.default_rng`; parameters of the draws may be traced."""
    made = np.random.default_rng(*args, **kwargs)
    return _of_seed(traced_generator(made), *args, **kwargs) if running.traces else made


def _of_seed(made: Any, seed: Any = None) -> Any:
    """Take note of when a generator was made of a seed: draws of it are the same in every run."""
    if isinstance(seed, int | np.integer):
        running.draws += 1
        entry = [running.draws, 0]
        running.seeded.append(entry)
        object.__setattr__(made, "cr_since", entry)
    return made


@contextmanager
def same_draws() -> Iterator[Callable[[], None]]:
    """Give a function that sets every random stream of the process back; at the end they are so."""
    everything, kinds = gc.get_objects(), _kinds_of_streams()
    try:  # millions of objects: no step of Python's for each
        found = [*compress(everything, map(kinds.__contains__, map(type, everything)))]
    except TypeError:  # a class of somebody's that has no hash
        wanted = {*map(id, kinds)}
        found = [o for o in everything if id(type(o)) in wanted]
    del everything
    streams = {id(s): s for s in map(_stream, found)}
    del found
    streams[0] = np.random.mtrand._rand._bit_generator
    states = [(s, s.state) for s in streams.values()]
    with of_python() as python:

        def again() -> None:
            for stream, was in states:
                stream.state = was
            python()

        try:
            yield again
        finally:
            again()


@contextmanager
def of_python() -> Iterator[Callable[[], None]]:
    """As `same_draws`, of Python's own stream alone, whose draws no door sees."""
    words = sys.modules.get("random")
    state = words.getstate() if words is not None else None

    def again() -> None:
        if words is not None:
            words.setstate(state)

    try:
        yield again
    finally:
        again()


_STREAMS = (*GENERATORS, np.random.BitGenerator)


def _kinds_of_streams() -> set[type]:
    """Return the classes of generators and of what they draw from, with all that derive of them."""
    found, todo = set[type](), [*_STREAMS]
    while todo:
        kind = todo.pop()
        if kind not in found:
            found.add(kind)
            todo += type.__subclasses__(kind)
    return found


def _stream(value: Any) -> Any:
    kind = type(value)
    if issubclass(kind, GENERATORS):
        return value._bit_generator if issubclass(kind, np.random.RandomState) else (
            value.bit_generator)  # fmt: skip
    return value


class _Maker(LookAlike):
    """The metaclass of a generator's class as a traced program meets it."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        made = cls.original(*args, **kwargs)
        return _of_seed(traced_generator(made), *args, **kwargs) if running.traces else made


copyreg.pickle(_Maker, reduced)


def doors() -> dict[Any, Any]:
    """Return the doors of `numpy.random`: makers of generators, and the legacy functions."""
    found: dict[Any, Any] = {np.random.default_rng: default_rng}
    for kind in GENERATORS:
        members = {"original": kind, "__doc__": kind.__doc__, "__module__": kind.__module__}
        found[kind] = _Maker(kind.__name__, (kind,), members)
    for name in _LEGACY:
        function = getattr(np.random, name, None)
        if function is not None:
            found[function] = _method(lambda n: getattr(np.random, n), name)
    return found

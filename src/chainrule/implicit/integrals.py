"""Integrals of functions: `scipy.integrate.quad` and its kin, by Leibniz's rule (`leibniz`)."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate

from ..core.memory import layout_of
from ..errors import ImplicitWarning, UnsupportedFunctionError
from ..ops.numpy.complexes import complex_of
from ..tracing.layouts import laid_as
from ..tracing.running import MUTED
from ..tracing.source import describe, user_frame
from ..tracing.tracer import TRACERS
from .answers import any_traced, is_traced, plain, vector
from .calls import arguments, solver
from .inside import Points
from .leibniz import Integrand, SingularError, diverges, entry_of, in_pieces, open_regions
from .switches import Watched, pieces

Function = Callable[..., Any]


class _Options:
    """The options of one call of `quad`, for its own value and for those of the derivatives."""

    def __init__(self, given: dict[str, Any]) -> None:
        names = (
            "epsabs",
            "epsrel",
            "limit",
            "points",
            "weight",
            "wvar",
            "wopts",
            "maxp1",
            "limlst",
        )
        self.kept = {k: plain(given[k]) for k in names}

    def carried(self, f: Function, a: float, b: float) -> float:
        """Integrate what is singular at a limit: QUADPACK finds finite parts of what diverges."""
        if diverges(f, a, b):
            raise SingularError
        return self(f, a, b, singular=True)

    def __call__(self, f: Function, a: float, b: float, singular: bool = False) -> float:
        """Integrate the derivative; say so where QUADPACK is not content."""
        if a == b:
            return 0.0
        found = integrate.quad(f, a, b, full_output=1, **self.kept)
        value, error = found[0], found[1]
        message = found[3] if len(found) > 3 and isinstance(found[3], str) else ""
        wanted = max(self.kept["epsabs"], self.kept["epsrel"] * abs(value))
        if singular:  # rounding beside the limit makes it look slow
            message, wanted = "", max(wanted, 1e-6 * (1 + abs(value)))
        if message or not error <= 10 * wanted:
            warnings.warn(
                f"quad: the integral of the derivative is {value:.6g} with an estimated error of "
                f"{error:.1e} ({wanted:.1e} is wanted): {' '.join(message.split())} "
                f"({describe(user_frame(1))})",
                ImplicitWarning,
                stacklevel=3,
            )
        return float(value)


def _compiled(name: str, func: Any) -> UnsupportedFunctionError:
    """Refuse a compiled integrand; one that takes its numbers in an array is called otherwise."""
    packed = " (int, " in str(getattr(func, "signature", ""))
    cure = (
        "write the integrand in Python as it is called, f(x, *args), in the place of ‹func 0›: x "
        "is what the compiled one reads as xx[0], args are xx[1:]"
        if packed
        else "pass the Python function that was compiled in the place of ‹func 0›"
    )
    return UnsupportedFunctionError(
        f"scipy.integrate.{name} of a compiled integrand received a traced value",
        where=describe(user_frame(1)),
        why="what it computes cannot be followed, and it cannot be called at the limits",
        cure=f"{cure}; where no derivative is meant, write ‹held›",
    )


def _weighted(where: str) -> UnsupportedFunctionError:
    return UnsupportedFunctionError(
        f"scipy.integrate.quad with a weight has no derivative {where}",
        where=describe(user_frame(1)),
        cure="write the weight into the integrand",
    )


@solver(integrate.quad)
def quad(func: Function, a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    """Integrate a function between two limits; the limits and all that it reads flow.

    The error estimate is constant. With a `weight`, limits and `wvar` are constants of the rule,
    and are refused where they are traced.
    """
    given = arguments(integrate.quad, (func, a, b, *args), kwargs)
    extra = given["args"] if isinstance(given["args"], tuple) else (given["args"],)
    if not callable(func):  # compiled
        if any_traced([a, b, list(extra), given["points"], given["wvar"]]):
            raise _compiled("quad", func)
        return integrate.quad(func, plain(a), plain(b), *plain(args), **plain(kwargs))
    if given["weight"] is not None and any_traced([a, b, given["wvar"]]):
        raise _weighted("in its limits and in wvar")
    if given["complex_func"]:
        parts = [
            quad(lambda x, *z, part=part: part(vector(func(x, *z))), a, b, *args,
                 **{**kwargs, "complex_func": False})
            for part in (np.real, np.imag)
        ]  # fmt: skip
        re, im = parts
        rest = tuple(zip(re[2:], im[2:], strict=False))
        rest = rest and ({"real": re[2:], "imag": im[2:]},)
        return (re[0] + 1j * im[0], re[1] + 1j * im[1], *rest)
    regions = open_regions()
    points = Points("quad")
    a, b = map(_real_limit, points.limits((a, b)))
    function = points.function(func)
    watched = Watched(lambda x: _number(function(x, *extra)))
    f = Integrand(watched, watched)
    kept = _Options(given)
    found = integrate.quad(
        f.plain, float(plain(a)), float(plain(b)), full_output=given["full_output"], **kept.kept
    )
    watched.done(func)
    for region in regions.values():
        region.done()
    if given["weight"] is not None and pieces(watched, a, b) != ([(a, b)], []):
        raise _weighted("where the integrand switches: the pieces have other weights")
    value = in_pieces(f, watched, a, b, kept, regions, np.float64(found[0]))
    return (points.result(value if is_traced(value) else found[0]), *found[1:])


def _real_limit(value: Any) -> Any:
    """Return a limit as SciPy takes it: of a complex number the real part, with its warning.

    On the levels that are held fast meanwhile it is a plain number, as all that is computed there.
    """
    while type(value) in TRACERS and value.cr_owner.state == MUTED:
        value = value.cr_value
    if not np.iscomplexobj(plain(value)):
        return value
    float(plain(value))  # warns
    return np.real(value)


@solver(integrate.quad_vec)
def quad_vec(f: Function, a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    """Integrate a function with array values: each element by Leibniz's rule, as in `quad`."""
    given = arguments(integrate.quad_vec, (f, a, b, *args), kwargs)
    regions = open_regions()
    extra = given["args"]
    points = Points("quad_vec")
    a, b = map(_real_limit, points.limits((a, b)))
    function = points.function(f)
    kinds = set()

    def integrand(x: Any) -> Any:
        found = function(x, *extra)
        kinds.add(found.__class__)
        return vector(found)

    watched = Watched(integrand)
    whole = Integrand(watched, watched)
    names = ("epsabs", "epsrel", "norm", "cache_size", "limit", "quadrature", "points")
    options = {k: plain(given[k]) for k in names}
    low, high = float(plain(a)), float(plain(b))
    found = integrate.quad_vec(whole.plain, low, high, full_output=given["full_output"], **options)
    python = kinds <= {float, int, complex}
    watched.done(f)
    for region in regions.values():
        region.done()
    value = np.asarray(found[0])

    def delivered(result: Any) -> tuple[Any, ...]:
        result = points.result(result)
        return (result.item() if python else result, *found[1:])

    if whole.innermost(a, b) is None and pieces(watched, a, b) == ([(a, b)], []):
        return delivered(found[0])
    kept = _Options({
        **dict.fromkeys(("points", "weight", "wvar", "wopts")), "maxp1": 50, "limlst": 50,
        "epsabs": max(given["epsabs"], 1e-12), "epsrel": max(given["epsrel"], 1e-12),
        "limit": max(50, min(int(given["limit"]), 500)),
    })  # fmt: skip

    def entry(i: int, side: Any) -> Any:
        part = Integrand(lambda x: side(entry_of(whole(x), i)), watched)
        part.values = {x: side(entry_of(v, i)) for x, v in whole.values.items()}
        value_i = np.float64(side(value.ravel()[i]))
        return in_pieces(part, watched, a, b, kept, regions, value_i)

    entries = [entry(i, np.real) for i in range(value.size)]
    if value.dtype.kind == "c":
        entries = [complex_of(re, entry(i, np.imag)) for i, re in enumerate(entries)]
    result = np.reshape(np.stack(entries), value.shape).astype(value.dtype)[()]
    return delivered(laid_as(result, layout_of(value)))


def _number(value: Any) -> Any:
    value = vector(value)
    if value.dtype.kind == "c":  # as QUADPACK takes it
        words = "Casting complex values to real discards the imaginary part"
        warnings.warn(words, np.exceptions.ComplexWarning, stacklevel=2)
        value = np.real(value)
    if value.dtype.kind not in "fc":
        value = value.astype(float)
    return np.reshape(value, ())[()]


@solver(integrate.nquad)
def nquad(
    func: Function, ranges: Any, args: Any = None, opts: Any = None, full_output: bool = False
) -> Any:
    """Integrate over several variables: one integral inside the other, each by Leibniz's rule."""
    depth = len(ranges)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    if not callable(func):
        parts = [args, [r for r in ranges if not callable(r)]]
        if any_traced(parts) or any(map(callable, ranges)):
            raise _compiled("nquad", func)
        return integrate.nquad(func, plain(ranges), plain(args), opts, full_output)
    ranges = [r if callable(r) else _constant(r) for r in ranges]
    if opts is None:
        opts = [_constant({})] * depth
    elif isinstance(opts, dict):
        opts = [_constant(opts)] * depth
    else:
        opts = [o if callable(o) else _constant(o) for o in opts]
    report = {"abserr": 0.0, "neval": 0}

    def inner(level: int, *outer: Any) -> Any:
        low, high = ranges[level](*outer, *args)
        options = dict(opts[level](*outer, *args))
        if level == 0:
            found = quad(lambda x: func(x, *outer, *args), low, high, full_output=1, **options)
        else:
            found = quad(lambda x: inner(level - 1, x, *outer), low, high, full_output=1, **options)
        report["abserr"] = max(report["abserr"], found[1])
        if level == 0:
            report["neval"] += found[2]["neval"]
        return found[0]

    value = inner(depth - 1)
    if full_output:
        return value, report["abserr"], {"neval": report["neval"]}
    return value, report["abserr"]


def _constant(value: Any) -> Function:
    return lambda *_: value


@solver(integrate.dblquad)
def dblquad(
    func: Function, a: Any, b: Any, gfun: Any, hfun: Any, args: Any = (),
    epsabs: float = 1.49e-8, epsrel: float = 1.49e-8,
) -> Any:  # fmt: skip
    """Integrate func(y, x) for x from a to b and y from gfun(x) to hfun(x)."""

    def limits(x: Any, *_: Any) -> Any:
        return [g(x) if callable(g) else g for g in (gfun, hfun)]

    options = {"epsabs": epsabs, "epsrel": epsrel}
    return nquad(func, [limits, [a, b]], args=args, opts=options)


@solver(integrate.tplquad)
def tplquad(
    func: Function, a: Any, b: Any, gfun: Any, hfun: Any, qfun: Any, rfun: Any, args: Any = (),
    epsabs: float = 1.49e-8, epsrel: float = 1.49e-8,
) -> Any:  # fmt: skip
    """Integrate func(z, y, x) for x from a to b, y from gfun(x) to hfun(x), z from qfun to rfun."""

    def third(y: Any, x: Any, *_: Any) -> Any:
        return [q(x, y) if callable(q) else q for q in (qfun, rfun)]

    def second(x: Any, *_: Any) -> Any:
        return [g(x) if callable(g) else g for g in (gfun, hfun)]

    options = {"epsabs": epsabs, "epsrel": epsrel}
    return nquad(func, [third, second, [a, b]], args=args, opts=options)

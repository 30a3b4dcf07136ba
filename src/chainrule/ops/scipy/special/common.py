"""What the families of special functions are written with: declarations, refusals, integrals."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from ....core.op import REAL, Const, Interval, Notation, Op, Sample, sample
from ....core.registry import declare
from ....core.slots import INDEX, Jvp, Partial, Slot
from ....errors import UnsupportedFunctionError
from ...declare import _as_call

BLOCK = 512  # entries whose integrals are taken at once
NODES = 240
WHOLE = "it is a whole number"
LOWEST = -4.0  # where the map of `ray` has left float64's resolution of the origin behind

Rule = Callable[..., Any]


def unknown_in(
    function: str, argument: str, place: int, why: str = ""
) -> UnsupportedFunctionError:
    """Return the error that says that one argument has no known derivative."""
    return UnsupportedFunctionError(
        f"scipy.special.{function} has no derivative rule in its argument {argument!r}",
        why=why or "no closed form is known in functions that SciPy has",
        cure=f"where no derivative is meant, write ‹held {function}.{argument} {place}›",
    )


def refuse(function: str, argument: str, place: int, why: str = "") -> Rule:
    """Return a rule that raises that error."""

    def rule(*_xs: Any, **_params: Any) -> Any:
        raise unknown_in(function, argument, place, why)

    return rule


def refuse_twice(function: str, argument: str, place: int, order: int = 2) -> Rule:
    """Return the rule of an integral that has no derivative of this order in a parameter."""
    return refuse(
        function, argument, place,
        f"its derivative of order {order - 1} in this argument is an integral, which has no rule "
        "of its own",
    )  # fmt: skip


def ufunc(
    function: Any,
    *slots: Rule | float | str | tuple[str, str] | None,
    rule: str,
    at: tuple[Any, ...] = (),
    domain: tuple[Interval, ...] = (),
    name: str = "",
    value: Any = None,
    latex: str = "",
    samples: tuple[Sample, ...] = (),
    notation: Notation | None = None,
    **data: Any,
) -> Op:
    """Declare an elementwise function by what it says of each argument.

    A partial derivative is a function of (y, *xs) or a number; a string is the name of an argument
    without a rule, or a pair of its name and the reason; None stands for an argument the function
    is constant in. `at` are values that the samples pass as constants, None where they draw an
    array.
    """
    name = name or function.__name__
    at = at or (None,) * len(slots)
    text, latex = _as_call(name, "", latex, len(slots))
    return declare(
        Op(
            name,
            value or function,
            tuple(_slot(name, k, s, Partial) for k, s in enumerate(slots)),
            function=function,
            notation=notation or Notation(text, latex, 100, (0,) * len(slots), rule),
            domain=domain or (REAL,) * len(slots),
            samples=samples or _samples(at),
            batch="elementwise",
            **data,
        )
    )


def _slot(name: str, place: int, given: Any, kind: Any) -> Slot:
    if given is None:
        return INDEX
    if isinstance(given, str):
        given = (given,)
    if isinstance(given, tuple):
        given = refuse(name.removesuffix("_slope"), given[0], place, *given[1:])
    found: Slot = kind(given)
    return found


def _samples(at: tuple[Any, ...]) -> tuple[Sample, ...]:
    """Return calls with numbers, with arrays, and with arrays that broadcast."""
    free = [k for k, v in enumerate(at) if v is None]
    shapes = [dict.fromkeys(free, ()), dict.fromkeys(free, (2, 3))] if free else [{}]
    if len(free) > 1:
        shapes.append({k: (3, 1) if k == free[0] else (2,) for k in free})
    return tuple(
        sample(*(shape[k] if v is None else Const(v) for k, v in enumerate(at)))
        for shape in shapes
    )


def several(
    function: Any, outputs: int, *rules: Rule | str | tuple[str, str] | None, rule: str,
    at: tuple[Any, ...] = (), domain: tuple[Interval, ...] = (), name: str = "", **data: Any,
) -> Op:  # fmt: skip
    """Declare a function with several outputs; a rule maps (t, ys, *xs) to all their tangents."""
    name = name or function.__name__
    at = at or (None,) * len(rules)
    return declare(
        Op(
            name,
            data.pop("value", function),
            tuple(_slot(name, k, r, Jvp) for k, r in enumerate(rules)),
            outputs=outputs,
            function=function,
            notation=Notation(rule=rule),
            domain=domain or (REAL,) * len(rules),
            samples=data.pop("samples", ()) or _samples(at),
            **data,
        )
    )


# --- integrals ------------------------------------------------------------------------------------


def doubles(*xs: Any) -> tuple[Any, list[Any]]:
    """Return the dtype of a result and float64 arrays; complex numbers are refused."""
    dtype = np.result_type(*xs)
    if dtype.kind == "c":
        raise UnsupportedFunctionError(
            "a derivative of a function of scipy.special is known for real numbers only",
            why="it is an integral or a series, which is computed along the real line",
            cure="where no derivative is meant, write ‹held›",
        )
    return dtype if dtype.kind == "f" else np.dtype(float), [np.asarray(x, np.float64) for x in xs]


def blockwise(value: Callable[..., Any]) -> Callable[..., Any]:
    """Let a formula over columns, which has room for nodes beside them, answer for whole arrays.

    The arguments are broadcast; the formula sees float64 columns (n, 1) and returns n numbers.
    """

    def run(*xs: Any, **params: Any) -> Any:
        dtype, found = doubles(*xs)
        wide = np.broadcast_arrays(*found)
        flat = [np.reshape(x, (-1, 1)) for x in wide]
        out = np.empty(flat[0].shape[0])
        with np.errstate(all="ignore"):
            for i in range(0, len(out), BLOCK):
                out[i : i + BLOCK] = value(*[x[i : i + BLOCK] for x in flat], **params)
        return out.reshape(wide[0].shape).astype(dtype)[()]

    run.__name__ = value.__name__
    return run


def chosen(where: Any, yes: Callable[..., Any], no: Callable[..., Any], *columns: Any) -> Any:
    """Return ``np.where(where, yes(*columns), no(*columns))``, each computed where it is taken."""
    found = np.empty(where.shape)
    for rows, part in ((where[:, 0], yes), (~where[:, 0], no)):
        if rows.any():
            found[rows] = part(*[x[rows] for x in columns])
    return found


def ray(f: Callable[[Any], Any], least: Any, far: Any) -> Any:
    """Integrate f over (0, far), by the trapezoidal rule in u, where s = least·exp(u − e⁻ᵘ).

    `least` is the shortest scale on which f changes, `far` where it has died away. Both are
    columns, and so is what f receives beside its nodes. With nodes dense on every scale the error
    of the rule falls below rounding for what is analytic in a sector about the ray.

    H. Takahasi and M. Mori, Double exponential formulas for numerical integration (1974).
    """
    top = np.log(np.maximum(far / least, 2.0))
    u = LOWEST + (top - LOWEST) * (np.arange(NODES) + 0.5) / NODES
    e = np.exp(-u)
    s = least * np.exp(u - e)
    terms = f(s) * s * (1.0 + e)
    step = (top - LOWEST)[..., 0] / NODES
    return np.sum(np.where(np.isfinite(terms), terms, 0.0), axis=-1) * step


def _gauss(count: int) -> tuple[Any, Any]:
    """Return Gauss's nodes and weights on (0, 1), by a Newton step in decimals, rounded once."""
    pairs = []
    with localcontext(prec=34):
        for start in np.polynomial.legendre.leggauss(count)[0]:
            x = Decimal(float(start))
            value, slope = _legendre(count, x)
            x -= value / slope
            _, slope = _legendre(count, x)
            pairs.append((float((x + 1) / 2), float(1 / ((1 - x * x) * slope * slope))))
    nodes, weights = zip(*pairs, strict=True)
    return np.array(nodes), np.array(weights)


def _legendre(n: int, x: Decimal) -> tuple[Decimal, Decimal]:
    """Return Legendre's polynomial of degree n and its derivative."""
    older, old = Decimal(1), x
    for k in range(2, n + 1):
        older, old = old, ((2 * k - 1) * x * old - (k - 1) * older) / k
    return old, n * (x * old - older) / (x * x - 1)


UNIT_NODES, UNIT_WEIGHTS = _gauss(40)
"""Gauss's nodes and weights on (0, 1)."""

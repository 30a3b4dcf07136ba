"""Distribution functions whose derivatives in the shapes are elementary, while they are not.

For these the integrals of the density are needed by nobody: `SIDES` gives F and 1 − F as operations
with the value of SciPy and the derivatives in closed form.

References: A. Azzalini, A class of distributions which includes the normal ones, Scand. J. Statist.
12 (1985) 171–178: F = Φ(x) − 2·T(x, a), T Owen's function.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....core.op import Notation, Op, sample
from ....core.registry import add
from ....core.slots import Partial


def _value(x: Any, a: Any) -> Any:
    x, a = np.broadcast_arrays(np.asarray(x, float), a)
    found = stats.skewnorm._cdf(np.atleast_1d(x).copy(), np.atleast_1d(a).copy())
    return np.reshape(found, np.shape(x))[()]


def _in_x(_y: Any, x: Any, a: Any) -> Any:
    return np.sqrt(2 / np.pi) * np.exp(-x * x / 2) * special.ndtr(a * x)


def _in_shape(_y: Any, x: Any, a: Any) -> Any:
    square = 1 + a * a
    return -np.exp(-x * x * square / 2) / (np.pi * square)


skewnorm = Op(
    "skewnorm_cdf", _value, (Partial(_in_x), Partial(_in_shape)),
    samples=(sample((3,), (3,)), sample((), (2,))),
    notation=Notation(
        "Φ({0}) − 2·T({0}, {1})", "\\Phi({0}) - 2\\,T({0}, {1})", 10, (0, 0),
        rule="dF = 2·φ(x)·Φ(ax) dx − exp(−x²(1 + a²)/2)/(π(1 + a²)) da",
    ),
)  # fmt: skip
add(skewnorm)


def _half_logistic(x: Any, c: Any) -> tuple[Any, Any]:
    power = (1 - c * x) ** (1 / c)
    return (1 - power) / (1 + power), 2 * power / (1 + power)


def _trapezoid(x: Any, c: Any, d: Any) -> tuple[Any, Any]:
    whole, rises, falls = d - c + 1, np.less(x, c), np.greater(x, d)
    first = x * x / np.where(rises, c, 1.0) / whole
    last = (1 - x) ** 2 / np.where(falls, 1 - d, 1.0) / whole
    middle = (2 * x - c) / whole
    below = np.where(rises, first, np.where(falls, 1 - last, middle))
    return below, np.where(falls, last, 1 - below)


SIDES: dict[str, Callable[..., tuple[Any, Any]]] = {
    "genhalflogistic": _half_logistic,
    "skewnorm": lambda x, a: (skewnorm(x, a), skewnorm(-x, -a)),
    "trapezoid": _trapezoid,
    "triang": lambda x, c: _trapezoid(x, c, c),
}

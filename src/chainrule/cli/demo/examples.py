"""The worked examples of the four documents, run: what they print against what comes out."""

import math
import symtable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import api
from .network import four_neurons, one_hidden_layer, sigmoid

AGREES, LAST_DIGIT, SLIP = "agrees", "cut, not rounded", "slip in the document"
BY_HAND = "as by hand"
WRONG = "WRONG: the engine differs"
_POINTS = (-1.3, 0.2, 0.5, 1.7)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure or formula of a document beside what the engine computes."""

    source: str
    what: str
    document: str
    computed: str
    verdict: str
    remark: str = ""


def run_examples() -> list[Row]:
    """Run every worked example."""
    return [*_formulas(), *_networks(), *_paths(), *_illustration(), *_words()]


def figure(
    source: str, what: str, printed: str, computed: float, by_hand: float, remark: str = ""
) -> Row:
    """Compare a printed decimal with a computed number, by the digits that were printed.

    It agrees within half a unit of its last digit. Within one unit it was cut instead of rounded,
    unless that is a thousandth of the number or more: then, as beyond one unit, it is a slip. The
    computed number must first equal the one worked out by hand, without the engine.
    """
    value = float(printed)
    decimals = len(printed.partition(".")[2])
    off = abs(computed - value) * 10.0**decimals
    if not abs(computed - by_hand) <= 1e-12 * abs(by_hand):
        verdict, remark = WRONG, f"by hand {by_hand:.12g}"
    elif off <= 0.5 + 1e-9:
        verdict = AGREES
    elif off < 1 and abs(computed - value) < 1e-3 * abs(computed):
        verdict = LAST_DIGIT
    else:
        verdict, remark = SLIP, remark or f"{abs(value / computed - 1):.1%} off"
    return Row(source, what, printed, f"{computed:.{max(decimals + 3, 10)}g}", verdict, remark)


def formula(
    source: str, what: str, text: str, derivative: Any, closed: Any, points: Any = _POINTS
) -> Row:
    """Compare a derivative with the document's closed form, at several points."""
    pairs = [(float(derivative(p)), float(closed(p))) for p in points]
    off = max(abs(a - b) / max(1.0, abs(b)) for a, b in pairs)
    verdict = AGREES if off < 1e-12 else WRONG
    shown = f"{pairs[len(pairs) // 2][0]:.10g} at {points[len(points) // 2]}"
    how = f"|Δ| ≤ {off:.0e}" if off else "exactly"
    return Row(source, what, text, shown, verdict, f"{len(pairs)} points, {how}")


def _formulas() -> Iterator[Row]:
    d = api.derivative
    yield formula(
        "000 §2", "d/dx sin((2x+1)²)", "4(2x+1)·cos((2x+1)²)",
        d(lambda x: np.sin((2 * x + 1) ** 2)),
        lambda x: 4 * (2 * x + 1) * np.cos((2 * x + 1) ** 2),
    )  # fmt: skip
    yield formula("001", "d/dx (x−2)²", "2(x−2)", d(lambda x: (x - 2) ** 2), lambda x: 2 * (x - 2))
    yield formula(
        "001", "d/dx cos((x−2)³)", "−3(x−2)²·sin((x−2)³)", d(lambda x: np.cos((x - 2) ** 3)),
        lambda x: -3 * (x - 2) ** 2 * np.sin((x - 2) ** 3),
    )  # fmt: skip
    yield formula(
        "001", "σ′(x), σ in four steps", "e⁻ˣ/(1+e⁻ˣ)²", d(sigmoid),
        lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2,
    )  # fmt: skip
    yield formula(
        "003 §3", "d/dx sin(x²)", "2x·cos(x²)", d(lambda x: np.sin(x**2)),
        lambda x: 2 * x * np.cos(x**2),
    )  # fmt: skip
    yield formula(
        "003 §5", "d/dx e^log((3x)²)", "18x", d(lambda x: np.exp(np.log((3 * x) ** 2))),
        lambda x: 18 * x,
    )  # fmt: skip


def _networks() -> Iterator[Row]:
    point = (0.7, -0.1, 1.5, 0.2, 1.2, 0.4)

    def closed(w: float) -> Any:
        _, b1, w2, b2, x, y = point
        s = sigmoid(w * x + b1)
        return (w2 * s + b2 - y) * w2 * (s * (1 - s)) * x

    yield formula(
        "000 §5", "∂L/∂W₁, one hidden layer", "(ŷ−y)·W₂·σ′(z)·x",
        lambda w: api.grad(one_hidden_layer)(w, *point[1:]), closed,
    )  # fmt: skip


def weather(p: Any) -> Any:
    """Return the weather at a place: x² + 5y + 10z + xyz."""
    x, y, z = p
    return x**2 + 5 * y + 10 * z + x * y * z


def path(t: Any) -> Any:
    """Return where one is at time t."""
    return np.stack([t, t**2, t**3])


def _paths() -> Iterator[Row]:
    def closed(t: float) -> float:
        return 12 * t + 30 * t**2 + 6 * t**5

    yield formula(
        "001", "the weather along (t, t², t³)", "12t + 30t² + 6t⁵",
        api.derivative(lambda t: weather(path(t))), closed,
    )  # fmt: skip
    yield formula(
        "001", "… as Df(g(t))·Dg(t), 1×3 by 3×1", "12t + 30t² + 6t⁵",
        lambda t: api.jacobian(weather)(path(t)) @ api.jacobian(path)(t), closed,
    )  # fmt: skip
    d = api.derivative
    f1, f2, f3 = np.square, np.sin, np.exp
    yield formula(
        "002", "z = f₃(f₂(f₁(w)))", "f₃′(y)·f₂′(x)·f₁′(w)", d(lambda w: f3(f2(f1(w)))),
        lambda w: d(f3)(f2(f1(w))) * d(f2)(f1(w)) * d(f1)(w),
    )  # fmt: skip
    yield formula(
        "002", "z = f(g(x)), g: R²→R²", "Σⱼ ∂z/∂yⱼ·∂yⱼ/∂x₁",
        lambda s: api.grad(lambda x: _outer(_inner(x)))(np.array([s, 0.8]))[0], _sum_over_paths,
    )  # fmt: skip


def _inner(x: Any) -> Any:
    return np.stack([x[0] * x[1], np.sin(x[0])])


def _outer(y: Any) -> Any:
    return y[0] ** 2 + np.exp(y[1])


def _sum_over_paths(s: float) -> Any:
    x = np.array([s, 0.8])
    to_y, from_y = api.grad(_outer)(_inner(x)), api.jacobian(_inner)(x)
    return to_y[0] * from_y[0, 0] + to_y[1] * from_y[1, 0]


NEURON = (1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 1.0, 0.0, 2.0, 10.0)


def _illustration() -> Iterator[Row]:
    where = "003 §10"
    value, g = api.value_and_grad(four_neurons, argnums=tuple(range(8)))(*NEURON)
    w1, _, w2, _, w3, b3, w4, b4 = (float(x) for x in g)
    a3 = math.tanh(4.0)
    delta4, slope = a3 - 10.0, 1.0 / math.cosh(4.0) ** 2
    delta3 = delta4 * slope
    yield figure(where, "a₃ = tanh 4", "0.9993", float(b4) + 10.0, a3)
    yield figure(
        where, "L = ½(z−y)²", "40.02", float(value), 0.5 * delta4**2, "½·9.0007² is 40.506"
    )
    yield figure(where, "δ₄ = ∂L/∂u₄", "-9.0007", b4, delta4)
    yield figure(where, "∂L/∂W₄ = δ₄·a₃", "-8.994", w4, delta4 * a3)
    yield figure(
        where, "φ₃′(4) = 1 − tanh² 4", "0.0014", float(api.derivative(np.tanh)(4.0)), slope,
        "4.4% off: taken from 1 − 0.9993²",
    )  # fmt: skip
    yield figure(where, "δ₃ = W₄·δ₄·φ₃′", "-0.0126", b3, delta3)
    yield figure(where, "∂L/∂W₃ = δ₃·a₂", "-0.0504", w3, delta3 * 4.0)
    for what, got, by_hand in (
        ("∂L/∂W₂ = δ₂·a₁", w2, delta3 * 2.0), ("∂L/∂W₁ = δ₁·x", w1, delta3 * 2.0 * 2.0),
    ):  # fmt: skip
        verdict = BY_HAND if abs(got - by_hand) < 1e-15 else WRONG
        yield Row(where, what, "“similarly”", f"{got:.10g}", verdict, "no figure is printed")
    yield figure(where, "W₄ − 0.1·∂L/∂W₄", "1.8994", 1 - 0.1 * w4, 1 - 0.1 * delta4 * a3)


SIGMOID_OF_001 = """
import numpy as np
def sigmoid(z):
    a = -x
    b = np.exp(a)
    c = 1 + b
    d = 1 / c
    return v
"""


def _words() -> Iterator[Row]:
    z = sigmoid(np.array([1.0, 2.0, 3.0]))
    yield Row(
        "001", "1/(1+e⁻ˣ)", "“softmax”", f"Σ z(1, 2, 3) = {np.sum(z):.4g}, not 1",
        AGREES if abs(np.sum(z) - 1) < 1e-12 else SLIP, "it is the sigmoid; a softmax adds to 1",
    )  # fmt: skip
    unset = unset_names(SIGMOID_OF_001)
    yield Row(
        "001", "def sigmoid(z): … return v", "code", "never set: " + ", ".join(unset),
        SLIP if unset else AGREES, "it takes z and reads x, and returns v",
    )  # fmt: skip


def unset_names(source: str) -> list[str]:
    """Return the names that functions in `source` read although nobody ever sets them."""
    module = symtable.symtable(source, "document", "exec")
    known = {s.get_name() for s in module.get_symbols() if s.is_assigned() or s.is_imported()}
    return [
        s.get_name()
        for function in module.get_children()
        for s in function.get_symbols()
        if s.is_global() and s.get_name() not in known
    ]

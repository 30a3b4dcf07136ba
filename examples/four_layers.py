"""The 4-layer network: the gradients are the documents' deltas, layer by layer.

δˡ = (Wˡ⁺¹)ᵀ δˡ⁺¹ ⊙ φ'(uˡ),  ∂L/∂Wˡ = δˡ (aˡ⁻¹)ᵀ,  ∂L/∂bˡ = δˡ.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

import chainrule


@dataclass
class Layer:
    """Its parameters; any dataclass is a container that a gradient can have the form of."""

    W: np.ndarray
    b: np.ndarray


def loss(layers, x, y):
    a = x
    for layer in layers:
        a = np.tanh(layer.W @ a + layer.b)
    return 0.5 * np.sum((a - y) ** 2)


def deltas(layers, x, y):
    """Work the recursion out by hand, to compare."""
    kept, a = [x], x
    for layer in layers:
        a = np.tanh(layer.W @ a + layer.b)
        kept.append(a)
    delta = (kept[-1] - y) * (1 - kept[-1] ** 2)
    out = []
    for k in reversed(range(len(layers))):
        out.append((np.outer(delta, kept[k]), delta))
        delta = (layers[k].W.T @ delta) * (1 - kept[k] ** 2)
    return out[::-1]


def main(steps=100, rate=0.3):
    rng = np.random.default_rng(0)
    sizes = (3, 5, 4, 4, 2)
    layers = [
        Layer(rng.standard_normal((m, n)), np.zeros(m))
        for n, m in pairwise(sizes)
    ]
    x, y = rng.standard_normal(3), np.array([0.5, -0.5])
    gradients = chainrule.grad(loss)(layers, x, y)
    for number, (g, (dW, db)) in enumerate(zip(gradients, deltas(layers, x, y), strict=True), 1):
        off = max(np.max(abs(g.W - dW)), np.max(abs(g.b - db)))
        print(f"layer {number}: gradient against delta recursion, largest difference {off:.1e}")
    before = loss(layers, x, y)
    for _ in range(steps):
        gradients = chainrule.grad(loss)(layers, x, y)
        layers = [
            Layer(p.W - rate * g.W, p.b - rate * g.b)
            for p, g in zip(layers, gradients, strict=True)
        ]
    after = loss(layers, x, y)
    print(f"{steps} steps of W ← W − η ∂L/∂W: loss {before:.4f} → {after:.2e}")
    return before, after


if __name__ == "__main__":
    main()

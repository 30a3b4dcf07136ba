"""Training on real digits: the documents' update rule, and Adam, on exact gradients.

References: D. P. Kingma and J. Ba, Adam: a method for stochastic optimization (2015), algorithm 1.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from ... import api
from ...errors import UsageError
from ..console import Progress
from .network import loss, predict

Parameters = dict[str, Any]
Update = Callable[[Parameters, Parameters, float], Parameters]

SIZES = (64, 64, 48, 32, 10)
BATCH = 16
HELD_OUT = 5  # one image in so many is kept for the test
LAYERS = ("W1", "W2", "W3", "W4")


@dataclass(frozen=True, slots=True)
class Digits:
    """Images as columns, targets as unit columns; a fifth is held out."""

    train_x: Any
    train_y: Any
    test_x: Any
    test_labels: Any


@dataclass(slots=True)
class History:
    """What one training run did, epoch by epoch."""

    method: str
    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    norms: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in LAYERS})
    seconds: float = 0.0
    steps: int = 0
    parameters: Parameters = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return the figures, without the parameters."""
        return {
            "method": self.method, "steps": self.steps, "seconds": round(self.seconds, 3),
            "accuracy": self.accuracy[-1], "loss": self.loss, "accuracy_by_epoch": self.accuracy,
            "gradient_norms": self.norms,
        }  # fmt: skip


def load_digits(seed: int = 0) -> Digits:
    """Return scikit-learn's 1,797 handwritten digits, 8×8 pixels each, in a random order."""
    try:
        from sklearn.datasets import load_digits as load
    except ImportError:
        raise UsageError(
            "the demo trains on the digits that scikit-learn ships, and it is not installed",
            cure='pip install "chainrule[demo]"',
        ) from None
    pixels, labels = load(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    held = len(labels) // HELD_OUT
    test, train = order[:held], order[held:]
    x, y = pixels.T / 16.0, np.eye(10)[labels].T
    return Digits(x[:, train], y[:, train], x[:, test], labels[test])


def initial(seed: int = 0) -> Parameters:
    """Draw weights with variance 1/fan-in; biases start at zero."""
    rng = np.random.default_rng(seed)
    params: Parameters = {}
    for layer, (inputs, outputs) in enumerate(pairwise(SIZES), 1):
        params[f"W{layer}"] = rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)
        params[f"b{layer}"] = np.zeros((outputs, 1))
    return params


def descend(rate: float) -> Update:
    """Return the documents' update, W ← W − η ∂L/∂W, at a constant rate."""

    def update(params: Parameters, grads: Parameters, _done: float) -> Parameters:
        return {k: params[k] - rate * grads[k] for k in params}

    return update


def adam(rate: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Update:
    """Return Adam's update; the rate falls to zero along a cosine."""
    first: Parameters = {}
    second: Parameters = {}
    steps = 0

    def update(params: Parameters, grads: Parameters, done: float) -> Parameters:
        nonlocal steps
        steps += 1
        now = rate * 0.5 * (1 + np.cos(np.pi * done))
        out = {}
        for k, g in grads.items():
            first[k] = beta1 * first.get(k, 0.0) + (1 - beta1) * g
            second[k] = beta2 * second.get(k, 0.0) + (1 - beta2) * g * g
            mean, square = first[k] / (1 - beta1**steps), second[k] / (1 - beta2**steps)
            out[k] = params[k] - now * mean / (np.sqrt(square) + eps)
        return out

    return update


def train(method: str, update: Update, digits: Digits, epochs: int, seed: int = 0) -> History:
    """Train the 4-layer network by value_and_grad, with a progress bar."""
    history, params = History(method), initial(seed)
    rng = np.random.default_rng(seed + 1)
    value_and_gradient = api.value_and_grad(loss)
    count = digits.train_x.shape[1]
    start = time.perf_counter()
    with Progress(f"training by {method}", epochs) as progress:
        for epoch in range(epochs):
            order, losses, squares = rng.permutation(count), [], []
            for i in range(0, count, BATCH):
                batch = order[i : i + BATCH]
                value, grads = value_and_gradient(
                    params, digits.train_x[:, batch], digits.train_y[:, batch]
                )
                params = update(params, grads, (epoch + i / count) / epochs)
                losses.append(float(value))
                squares.append([float(np.sqrt(np.sum(grads[n] ** 2))) for n in LAYERS])
            history.steps += len(losses)
            history.loss.append(float(np.mean(losses)))
            history.accuracy.append(accuracy(params, digits))
            for name, norm in zip(LAYERS, np.mean(squares, axis=0), strict=True):
                history.norms[name].append(float(norm))
            progress.advance(
                f"loss {history.loss[-1]:.4f}  held-out accuracy {history.accuracy[-1]:.1%}"
            )
    history.seconds, history.parameters = time.perf_counter() - start, params
    return history


def accuracy(params: Parameters, digits: Digits) -> float:
    """Return the share of held-out digits that are read rightly."""
    said = np.argmax(predict(params, digits.test_x), axis=0)
    return float(np.mean(said == digits.test_labels))

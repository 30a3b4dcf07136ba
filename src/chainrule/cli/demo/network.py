"""The documents' networks, in plain NumPy. Nothing here knows that it will be differentiated."""

from typing import Any

import numpy as np


def sigmoid(x: Any) -> Any:
    """σ(x) = 1/(1 + e⁻ˣ), in the four steps of 001."""
    a = -x
    b = np.exp(a)
    c = 1 + b
    d = 1 / c
    return d


def one_hidden_layer(W1: Any, b1: Any, W2: Any, b2: Any, x: Any, y: Any) -> Any:
    """L = ½(ŷ − y)², of 000 §5."""
    z = W1 * x + b1
    a = sigmoid(z)
    y_hat = W2 * a + b2
    return 0.5 * (y_hat - y) ** 2


def four_neurons(
    W1: Any, b1: Any, W2: Any, b2: Any, W3: Any, b3: Any, W4: Any, b4: Any, x: Any, y: Any
) -> Any:  # fmt: skip
    """L = ½(z − y)² with φ = (id, id, tanh, id), of 003 §10."""
    u1 = W1 * x + b1
    u2 = W2 * u1 + b2
    u3 = W3 * u2 + b3
    a3 = np.tanh(u3)
    z = W4 * a3 + b4
    return 0.5 * (z - y) ** 2


def predict(params: Any, x: Any) -> Any:
    """Four layers; every column of `x` is one image, every column of the result its scores."""
    W1, W2, W3, W4 = params["W1"], params["W2"], params["W3"], params["W4"]
    u1 = W1 @ x + params["b1"]
    a1 = np.tanh(u1)
    u2 = W2 @ a1 + params["b2"]
    a2 = np.tanh(u2)
    u3 = W3 @ a2 + params["b3"]
    a3 = np.tanh(u3)
    z = W4 @ a3 + params["b4"]
    return z


def loss(params: Any, x: Any, y: Any) -> Any:
    """L = ½‖z − y‖², the mean over the images."""
    r = predict(params, x) - y
    return 0.5 * np.sum(r * r) / x.shape[1]

"""The functions of the two worked documents, and their points."""

import numpy as np


def sine(x):
    return np.sin((2 * x + 1) ** 2)


def branch(x):
    return x * np.sin(x)


def net(params, x, t):
    u1 = params["W1"] @ x + params["b1"]
    z1 = np.tanh(u1)
    y = params["W2"] @ z1 + params["b2"]
    r = y - t
    L = 0.5 * (r @ r)
    return L


def point():
    params = {
        "W1": np.array([[0.5, -0.5], [0.25, 0.5], [-1.0, 0.25]]),
        "b1": np.array([0.0, 0.1, 0.2]),
        "W2": np.array([[1.0, -1.0, 0.5]]),
        "b2": np.array([0.1]),
    }
    return params, np.array([1.0, 2.0]), np.array([1.0])


def batch(layers, X, t):
    h = X
    for layer in layers[:-1]:
        h = np.tanh(h @ layer["W"] + layer["b"])
    o = h @ layers[-1]["W"] + layers[-1]["b"]
    return np.mean((o - t) ** 2)


def batch_point():
    grid = np.linspace(-1, 1, 40)
    layers = [
        {"W": grid[:6].reshape(2, 3), "b": np.zeros(3)},
        {"W": grid[6:18].reshape(3, 4), "b": grid[:4] / 4},
        {"W": grid[20:24].reshape(4, 1), "b": np.zeros(1)},
    ]
    return layers, grid[10:20].reshape(5, 2), grid[25:30].reshape(5, 1)


def logistic(x):
    for _ in range(8):
        x = 3.5 * x * (1 - x)
    return x

"""The smallest network: two layers, half the squared error, in plain NumPy.

$ chainrule explain examples/two_layers.py:loss
$ chainrule draw examples/two_layers.py:loss -o graph.svg
$ chainrule check examples/two_layers.py:loss
"""

import numpy as np


def loss(W1, b1, W2, b2, x, t):
    u = W1 @ x + b1
    a = np.tanh(u)
    y = W2 @ a + b2
    r = y - t
    return 0.5 * np.sum(r * r)


inputs = {
    "W1": np.array([[0.5, -0.5], [0.25, 0.5], [-1.0, 0.25]]),
    "b1": np.array([0.0, 0.1, 0.2]),
    "W2": np.array([[1.0, -1.0, 0.5]]),
    "b2": np.array([0.1]),
    "x": np.array([1.0, 2.0]),
    "t": np.array([1.0]),
}

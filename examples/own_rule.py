"""Modularity: a new operation needs its forward function and its local derivative.

Given from either end (a partial, a JVP or a VJP) it works in every mode and order.
"""

import numpy as np

import chainrule


@chainrule.custom_rule(partial=lambda y, x: y * (1 - y))
def sigmoid(x):
    return np.where(x > 0, 1 / (1 + np.exp(-abs(x))), np.exp(-abs(x)) / (1 + np.exp(-abs(x))))


def main():
    x = np.array([-700.0, -1.0, 0.0, 2.0, 700.0])
    f = lambda x: np.sum(sigmoid(x) ** 2)  # noqa: E731
    print("reverse  ", chainrule.grad(f)(x))
    print("forward  ", chainrule.jacfwd(f)(x))
    print("order 2  ", np.diag(chainrule.hessian(f)(x)))
    s = 1 / (1 + np.exp(-x[1:4]))
    return chainrule.grad(f)(x)[1:4], 2 * s * s * (1 - s)


if __name__ == "__main__":
    main()

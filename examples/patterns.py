"""Most of a large Jacobian is zero: a few products give all of it.

The Brusselator, two substances that react and spread on a ring, in implicit Euler steps: Newton's
method solves y − h·f(y) = y₀, and its Jacobian has a handful of entries a row.
"""

import numpy as np
from scipy.sparse.linalg import spsolve

import chainrule

CELLS, STEP = 50, 0.1


def spread(z):
    return 0.02 * CELLS**2 * (np.roll(z, 1) - 2 * z + np.roll(z, -1))


def brusselator(y):
    p, q = y[:CELLS], y[CELLS:]
    return np.concatenate([1 + p * p * q - 4 * p + spread(p), 3 * p - p * p * q + spread(q)])


def residual(y, before):
    return y - STEP * brusselator(y) - before


def main():
    angle = 2 * np.pi * np.arange(CELLS) / CELLS
    y = np.concatenate([1 + 0.1 * np.sin(angle), 3 + 0.1 * np.cos(angle)])
    jacobian = chainrule.jacobian(residual, sparse=True)  # its pattern is found once
    for _ in range(20):
        before = y
        while np.abs(r := residual(y, before)).max() > 1e-10:
            y = y - spsolve(jacobian(y, before), r)
    jacobian.show()
    return jacobian, y


if __name__ == "__main__":
    main()

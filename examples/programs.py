"""Any computable program: loops, branches, recursion and mutation, in plain Python and NumPy."""

import numpy as np

import chainrule


def square_root(a):
    """Newton's iteration, until it stands still: a while loop on a traced value."""
    x = a
    while abs(x * x - a) > 1e-12 * a:
        x = 0.5 * (x + a / x)
    return x


def power(x, n):
    """xⁿ by recursion."""
    if n == 0:
        return x * 0 + 1
    half = power(x, n // 2)
    return half * half * x if n % 2 else half * half


def heat(u, steps=50):
    """An explicit scheme, written as everybody writes it: in place."""
    u = u.copy()
    for _ in range(steps):
        u[1:-1] += 0.2 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return u[len(u) // 2]


def main():
    print("d√a/da at 2:  ", chainrule.grad(square_root)(2.0), " 1/(2√2) =", 0.5 / np.sqrt(2))
    print("d x⁹/dx at 1.1:", chainrule.grad(power)(1.1, 9), " 9x⁸ =", 9 * 1.1**8)
    u = np.sin(np.linspace(0, np.pi, 21))
    g = chainrule.grad(heat)(u)
    print("influence of the start on the middle:", g.round(3))
    return chainrule.grad(square_root)(2.0), chainrule.grad(power)(1.1, 9), g


if __name__ == "__main__":
    main()

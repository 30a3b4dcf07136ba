"""Nested functions, to any depth: the value, the derivative, and each factor of the product."""

import numpy as np

import chainrule


def y(x):
    z = 2 * x + 1
    a = z**2
    return np.sin(a)


def main():
    derivation = chainrule.explain(y, 0.5)
    print(derivation.text())
    print("by the formula 4(2x+1)·cos((2x+1)²):", 4 * (2 * 0.5 + 1) * np.cos((2 * 0.5 + 1) ** 2))

    def deep(x):
        for _ in range(1000):
            x = np.sin(x) + 1
        return x

    value, slope = chainrule.value_and_grad(deep)(0.5)
    print(f"a thousand levels deep: value {value:.6f}, derivative {slope:.6g}")
    return derivation.gradient, slope


if __name__ == "__main__":
    main()

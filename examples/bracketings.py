"""Composition is associative: every bracketing of a product of Jacobians gives the same derivative.

They differ in cost. For R¹⁰⁰ → R⁵⁰ → R¹⁰ → R¹ the product is J₃·J₂·J₁, of 1×10, 10×50 and 50×100:
from the left (reverse mode) it is cheap, from the right (forward mode) it is not.
"""

from itertools import pairwise

import numpy as np

import chainrule

SIZES = (100, 50, 10, 1)


def layers(rng):
    return [rng.standard_normal((m, n)) / n for n, m in pairwise(SIZES)]


def compose(weights):
    def f(x):
        for W in weights:
            x = np.tanh(W @ x)
        return x

    return f


def main():
    rng = np.random.default_rng(0)
    weights, x = layers(rng), rng.standard_normal(SIZES[0])
    jacobians = []
    a = x
    for W in weights:
        jacobians.append(chainrule.jacobian(compose([W]))(a))
        a = compose([W])(a)
    j1, j2, j3 = jacobians
    reverse, forward = (j3 @ j2) @ j1, j3 @ (j2 @ j1)
    n1, n2, n3, n4 = SIZES
    print("reverse (J₃J₂)J₁:", n4 * n3 * n2 + n4 * n2 * n1, "products")
    print("forward J₃(J₂J₁):", n3 * n2 * n1 + n4 * n3 * n1, "products")
    f = compose(weights)
    np.testing.assert_allclose(forward, reverse, rtol=1e-12)
    np.testing.assert_allclose(chainrule.jacrev(f)(x), reverse, rtol=1e-12)
    np.testing.assert_allclose(chainrule.jacfwd(f)(x), reverse, rtol=1e-12)
    print(chainrule.explain(f, x, mode="both").text().split(" Cost")[1])
    return reverse


if __name__ == "__main__":
    main()

"""A value that is used twice: its gradient is the sum over both paths, and is computed once."""

import numpy as np

import chainrule


def g(x):
    return np.stack([x[0] * x[1], np.sin(x[0])])


def f(y):
    return y[0] ** 2 + np.exp(y[1])


def shared(x):
    e = np.exp(x)
    return e * np.sin(e) + e


def main():
    x = np.array([0.5, 0.8])
    J, dz_dy = chainrule.jacobian(g)(x), chainrule.grad(f)(g(x))
    whole = chainrule.grad(lambda x: f(g(x)))(x)
    _, pull = chainrule.vjp(g, x)
    print("∇ₓz = (∂y/∂x)ᵀ ∇ᵧz        ", J.T @ dz_dy)
    print("the pullback, without J    ", pull(dz_dy)[0])
    print("the gradient of the whole  ", whole)
    print("Jacobian of tanh is diagonal:")
    print(chainrule.jacobian(np.tanh)(x))
    print(chainrule.explain(shared, 0.5).text())
    return J.T @ dz_dy, whole


if __name__ == "__main__":
    main()

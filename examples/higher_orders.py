"""Higher orders: Newton's method with exact Hessians, and gradients through gradient steps."""

import numpy as np

import chainrule


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def newton(x, steps=40):
    for _ in range(steps):
        g, H = chainrule.grad(rosenbrock)(x), chainrule.hessian(rosenbrock)(x)
        step = np.linalg.solve(H, g)
        t = 1.0
        while rosenbrock(x - t * step) > rosenbrock(x) and t > 1e-8:
            t /= 2
        x = x - t * step
    return x


def adapted_loss(w, task, rate=0.1, steps=3):
    """Meta-learning: how good is `w` as a start for a few steps of descent on a task?"""
    inner = lambda w: np.sum((w - task) ** 4)  # noqa: E731
    for _ in range(steps):
        w = w - rate * chainrule.grad(inner)(w)
    return inner(w)


def main():
    x = newton(np.full(6, -0.5))
    print("Newton on Rosenbrock's function in R⁶:", x.round(8), rosenbrock(x))
    v = np.arange(6.0)
    print("H·v without H:", chainrule.hvp(rosenbrock, x, v).round(3))
    orders = [chainrule.derivative(np.sin, order=k)(0.5) for k in range(1, 5)]
    print("orders 1 to 4 of sin at 0.5:", np.round(orders, 6))
    w, task = np.array([1.0, -1.0]), np.array([0.5, 0.5])
    g = chainrule.grad(adapted_loss)(w, task)
    print("gradient through three gradient steps:", g)
    chainrule.check_grads(lambda w: adapted_loss(w, task), (w,), order=1)
    return x, orders, g


if __name__ == "__main__":
    main()

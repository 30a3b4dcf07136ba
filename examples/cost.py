"""One forward and one backward pass give all gradients, whatever the number of inputs."""

import time

import numpy as np

import chainrule


def f(x):
    return np.sum(np.sin(x) * np.exp(-(x**2)))


def best(run, repeats=7):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main(sizes=(10, 1_000, 100_000, 1_000_000)):
    gradient = chainrule.grad(f)
    ratios = []
    print("  inputs   function   gradient   ratio")
    for n in sizes:
        x = np.linspace(-1, 1, n)
        value, slope = best(lambda x=x: f(x)), best(lambda x=x: gradient(x))
        ratios.append(slope / value)
        print(f"{n:8,}  {1e6 * value:8.1f} µs {1e6 * slope:8.1f} µs {slope / value:7.2f}")
    return ratios


if __name__ == "__main__":
    main()

"""Peak memory of reverse mode on a 100-layer chain, by tracemalloc: `python benchmarks/memory.py`.

Reverse mode keeps a value only while a rule will still read it, and lets go of it with its last
reader. The chain a ← tanh(a·c) keeps one array a layer (tanh reads its output, the product with a
constant reads nothing), and the backward pass frees them one by one.
"""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr

LAYERS, SIZE = 100, 100_000


def tanh_chain(x: Any) -> Any:
    """100 layers, each of which must keep one array."""
    for _ in range(LAYERS):
        x = np.tanh(x * 0.99)
    return np.sum(x)


def linear_chain(x: Any) -> Any:
    """100 layers that need keep nothing: additions and products with constants."""
    for _ in range(LAYERS):
        x = x * 0.99 + 1.0
    return np.sum(x)


def dense_chain(p: Any) -> Any:
    """100 dense layers: each keeps its activation, for the weights, and what tanh′ reads."""
    a = np.ones((400, 64))
    for w in p:
        a = np.tanh(a @ w)
    return np.sum(a)


def peak(run: Callable[[], Any]) -> tuple[int, int]:
    """Return the peak and the remaining bytes of a call."""
    gc.collect()
    tracemalloc.start()
    result = run()
    remaining, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del result
    return highest, remaining


def during_backward(f: Callable[[Any], Any], x: Any, array: int) -> list[float]:
    """Held memory, in arrays, each time the backward pass reaches a layer."""
    seen: list[float] = []

    def watch(y: Any, _x: Any) -> Any:
        seen.append(tracemalloc.get_traced_memory()[0] / array)
        return np.ones_like(y)

    probe = cr.custom_rule(lambda v: v + 0.0, partial=watch, check=False)

    def g(v: Any) -> Any:
        for _ in range(10):
            for _ in range(LAYERS // 10):
                v = np.tanh(v * 0.99)
            v = probe(v)
        return np.sum(v)

    gc.collect()
    tracemalloc.start()
    cr.grad(g)(x)
    tracemalloc.stop()
    return seen


def main() -> None:
    """Print the peaks in units of one layer's array."""
    x = np.linspace(-1, 1, SIZE)
    array = x.nbytes
    print(f"{LAYERS} layers, one array = {array / 1e6:.1f} MB")
    for name, f, x0, unit in (
        ("tanh(x·c): one array a layer is needed", tanh_chain, x, array),
        ("x·c + d: nothing is needed", linear_chain, x, array),
        ("dense 400×64: two arrays a layer", dense_chain,
         [np.eye(64) for _ in range(LAYERS)], 400 * 64 * 8),
    ):  # fmt: skip
        value, _ = peak(lambda: f(x0))  # noqa: B023
        high, after = peak(lambda: cr.grad(f)(x0))  # noqa: B023
        print(f"  {name:42s} function {value / unit:6.1f} arrays   gradient peak {high / unit:6.1f}"
              f" arrays   held after {after / unit:5.1f}")  # fmt: skip
    held = during_backward(tanh_chain, x, array)
    print("  held while the backward pass runs, every 10 layers (last layer first), in arrays:")
    print("   ", " ".join(f"{h:.0f}" for h in held))


if __name__ == "__main__":
    main()

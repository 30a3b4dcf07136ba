"""Programs that build arrays out of many traced pieces, beside the same in autograd's style.

autograd cannot store into an array, so its loop collects a list; ours fills `np.zeros`, as a script
does. All gradients are compared with each other before anything is timed. Of 20,000 single elements
autograd's gradient takes minutes (it is quadratic), so those are compared at 2,000, and ours is
timed alone at 20,000.
"""

from common import compare, report, unit  # isort: skip (sets the thread count first)

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import chainrule as cr

try:
    import autograd
    import autograd.numpy as anp
except ImportError:
    sys.exit("this benchmark needs autograd: pip install autograd")

BOUND = 3.0


def pieces(xp: Any) -> Callable[[Any], Any]:
    """Concatenate pieces of one element."""
    return lambda x: xp.sum(xp.concatenate([x[i : i + 1] for i in range(x.size)]) ** 2)


def long_arrays(xp: Any) -> Callable[[Any], Any]:
    """Concatenate three arrays of 20,000 elements."""
    return lambda x: xp.sum(xp.concatenate([x, x * 2.0, x * x]) ** 2)


def stacked_numbers(xp: Any) -> Callable[[Any], Any]:
    """Stack numbers."""
    return lambda x: xp.sum(xp.stack([x[i] for i in range(x.size)]) ** 2)


def stacked_arrays(xp: Any) -> Callable[[Any], Any]:
    """Stack three arrays of 20,000 elements."""
    return lambda x: xp.sum(xp.stack([x, x * 2.0, x * x]) ** 2)


def array_of_numbers(xp: Any) -> Callable[[Any], Any]:
    """Build an array out of 1,000 numbers."""
    return lambda x: xp.sum(xp.array([x[i] * 2.0 for i in range(1000)]) ** 2)


def filled(x: Any) -> Any:
    """Fill `np.zeros(1000)` in a loop."""
    y = np.zeros(1000)
    for i in range(1000):
        y[i] = x[i] * x[i]
    assert y.dtype == np.float64
    return np.sum(y**2)


def collected(x: Any) -> Any:
    """Collect what the loop computes in a list: autograd's style."""
    return anp.sum(anp.array([x[i] * x[i] for i in range(1000)]) ** 2)


CASES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], int]] = {
    "concatenate 2,000 pieces of one element": (pieces(np), pieces(anp), 2000),
    "concatenate 3 arrays of 20,000": (long_arrays(np), long_arrays(anp), 20_000),
    "stack 2,000 numbers": (stacked_numbers(np), stacked_numbers(anp), 2000),
    "stack 3 arrays of 20,000": (stacked_arrays(np), stacked_arrays(anp), 20_000),
    "np.array of 1,000 numbers": (array_of_numbers(np), array_of_numbers(anp), 1000),
    "a loop of 1,000 steps that fills np.zeros(1000)": (filled, collected, 1000),
}


def main() -> int:
    """Print one comparison for each program; return 1 if a bound was missed."""
    met = True
    for title, (ours, theirs, size) in CASES.items():
        x = np.random.default_rng(0).standard_normal(size)
        ours_grad, their_grad = cr.grad(ours), autograd.grad(theirs)
        np.testing.assert_allclose(ours_grad(x), their_grad(x), rtol=1e-14)
        nodes = cr.trace(ours, x).nodes
        values = [v for n in nodes for v in (n.output, *n.primals)]
        assert not any(getattr(getattr(v, "dtype", None), "kind", "") == "O" for v in values)
        runs = {"chainrule": partial(ours_grad, x), "autograd.numpy": partial(their_grad, x)}
        met = report(title, compare(runs, least=5), {"autograd.numpy": BOUND}) and met
    x = np.random.default_rng(0).standard_normal(20_000)
    alone = {"concatenate": pieces(np), "stack": stacked_numbers(np)}
    for title, f in alone.items():
        seconds = compare({"chainrule": partial(cr.grad(f), x)}, least=3)["chainrule"]
        print(f"\n{title} 20,000 pieces of one element, ours alone: {unit(seconds).strip()}")
    return not met


if __name__ == "__main__":
    sys.exit(main())

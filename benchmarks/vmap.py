"""Per-example gradients of a small network: `vmap(grad(loss))`, a loop, and the peers.

All in one process, in turn, medians; float64 and float32.
"""

from common import THREADS, compare, report, unit  # isort: skip (sets the thread count first)

import sys
import time
from typing import Any

import numpy as np

import chainrule as cr

SIZES = (16, 32, 10)  # inputs, hidden, outputs
BATCHES = (128, 256, 1024)


def parameters(rng: Any, dtype: Any) -> dict[str, Any]:
    """Weights of a network with one hidden layer."""
    n, h, m = SIZES
    return {
        "W1": (rng.standard_normal((n, h)) / n**0.5).astype(dtype),
        "b1": np.zeros(h, dtype),
        "W2": (rng.standard_normal((h, m)) / h**0.5).astype(dtype),
        "b2": np.zeros(m, dtype),
    }


def loss(p: Any, x: Any, y: Any) -> Any:
    """Cross-entropy of one example."""
    z = np.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
    z = z - np.max(z)
    return np.log(np.sum(np.exp(z))) - np.sum(y * z)


def peers(runs: dict[str, Any], p: Any, x: Any, y: Any, dtype: Any) -> dict[str, Any]:
    """Add the peers that are installed; return what their gradients are, for comparison."""
    found: dict[str, Any] = {}
    try:
        import torch

        torch.set_num_threads(THREADS)
        tp = {k: torch.tensor(v) for k, v in p.items()}
        tx, ty = torch.tensor(x), torch.tensor(y)

        def torch_loss(p: Any, x: Any, y: Any) -> Any:
            z = torch.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
            z = z - torch.max(z)
            return torch.log(torch.sum(torch.exp(z))) - torch.sum(y * z)

        theirs = torch.func.vmap(torch.func.grad(torch_loss), in_dims=(None, 0, 0))
        runs["torch.func.vmap(grad)"] = lambda: theirs(tp, tx, ty)
        found["torch"] = {k: v.numpy() for k, v in theirs(tp, tx, ty).items()}
    except ImportError:
        pass
    try:
        import jax

        jax.config.update("jax_enable_x64", True)
        jnp = jax.numpy

        def jax_loss(p: Any, x: Any, y: Any) -> Any:
            z = jnp.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
            z = z - jnp.max(z)
            return jnp.log(jnp.sum(jnp.exp(z))) - jnp.sum(y * z)

        eager = jax.vmap(jax.grad(jax_loss), in_axes=(None, 0, 0))
        compiled = jax.jit(eager)
        jp, jx, jy = jax.device_put(p), jax.device_put(x), jax.device_put(y)
        runs["jax.vmap(grad), eager"] = lambda: jax.block_until_ready(eager(jp, jx, jy))
        runs["jax.vmap(grad), jit"] = lambda: jax.block_until_ready(compiled(jp, jx, jy))
        found["jax"] = {k: np.asarray(v) for k, v in compiled(jp, jx, jy).items()}
    except ImportError:
        pass
    return found


def one(count: int, dtype: Any) -> bool:
    """Compare for one batch size."""
    rng = np.random.default_rng(0)
    p = parameters(rng, dtype)
    x = rng.standard_normal((count, SIZES[0])).astype(dtype)
    y = np.eye(SIZES[2], dtype=dtype)[rng.integers(0, SIZES[2], count)]
    gradient = cr.grad(loss)
    ours = cr.vmap(gradient, in_axes=(None, 0, 0))
    rows = [gradient(p, a, b) for a, b in zip(x, y, strict=True)]
    want = {k: np.stack([row[k] for row in rows]) for k in p}

    def loop() -> Any:
        found = [gradient(p, a, b) for a, b in zip(x, y, strict=True)]
        return {k: np.stack([row[k] for row in found]) for k in p}

    runs = {"chainrule": lambda: ours(p, x, y), "chainrule, a Python loop": loop}
    near = 1e-12 if dtype is np.float64 else 1e-4
    for found in (ours(p, x, y), *peers(runs, p, x, y, dtype).values()):
        assert all(np.allclose(found[k], want[k], rtol=near, atol=near) for k in want)
        assert all(found[k].dtype == dtype for k in want)
    times = compare(runs, 1.0)
    sizes = "-".join(map(str, SIZES))
    title = f"per-example gradients, {count} examples, {sizes}, {dtype.__name__}"
    met = report(title, times, {"chainrule, a Python loop": 0.1, "torch.func.vmap(grad)": 1.0})
    print(f"  per example: {unit(times['chainrule'] / count).strip()}")
    return met


def main() -> int:
    """Run every comparison; the exit code is 0 whatever they show: speed is told, not asserted."""
    start = time.perf_counter()
    met = [one(count, dtype) for dtype in (np.float64, np.float32) for count in BATCHES]
    print(f"\n{sum(met)} of {len(met)} met, threads {THREADS}, {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

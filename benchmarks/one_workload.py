"""Times of one workload, for its ``python -m benchmarks.workloads.<name>``.

``--differences`` and ``--jax`` add SciPy's finite differences and JAX, where there is a rewrite;
``--no-gc`` switches the collector of cycles off.
"""

import os  # isort: skip (sets the thread count first)

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gc
import importlib.util
import statistics
import sys
import time
from typing import Any

import numpy as np


def rows_of(workload: dict[str, Any]) -> list[Any]:
    """Return the gradient of a workload as rows: as it stands, and by `jit`."""
    import chainrule

    from .workloads import Row, differences

    f, x = workload["function"], workload["x0"]
    slope = chainrule.grad(f)
    peers = {name: lambda run=run: run(x) for name, run in workload["variants"].items()}
    if "jax" in workload and importlib.util.find_spec("jax"):
        theirs = workload["jax"]()
        peers["JAX jit"] = lambda: theirs(x)
    replayed, title = chainrule.jit(slope), workload["title"]
    return [
        Row(title, lambda: f(x), lambda: slope(x), differences(f, x), peers),
        Row(f"{title}, replayed", lambda: f(x), lambda: replayed(x), differences(f, x), peers),
    ]


def main(workload: dict[str, Any]) -> None:
    """Print the processor times of the gradients over that of the function, and how they agree."""
    from scipy.optimize import approx_fprime

    import chainrule

    f, x = workload["function"], workload["x0"]
    if "--no-gc" in sys.argv:
        gc.disable()
    runs = {"function": f, "chainrule": chainrule.grad(f), **workload["variants"]}
    if "jax" in workload and "--jax" in sys.argv:
        runs["jax"] = workload["jax"]()
    if "--differences" in sys.argv:
        runs["differences"] = lambda x: approx_fprime(x, f)
    spent: dict[str, list[float]] = {name: [] for name in runs}
    found = {name: run(x) for name, run in runs.items()}
    for _ in range(7):
        for name, run in runs.items():
            start = time.process_time()
            run(x)
            spent[name].append(time.process_time() - start)
    times = {name: statistics.median(values) for name, values in spent.items()}
    bound = workload.get("at most")
    print(workload["title"] + (f" (asked for: {bound})" if bound else ""))
    size = np.max(np.abs(found["chainrule"]))
    for name, seconds in times.items():
        far = 0.0 if name == "function" else np.max(np.abs(found[name] - found["chainrule"])) / size
        ratio = seconds / times["function"]
        print(f"  {name:12s}{seconds * 1e3:10.2f} ms {ratio:8.2f} f   differs by {far:.1e}")

"""Times of one workload, for its ``python -m benchmarks.workloads.<name>``."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import statistics
import sys
import time
from typing import Any

import numpy as np


def main(workload: dict[str, Any]) -> None:
    """Print the times of the gradients over that of the function, and how far they agree."""
    import chainrule
    from scipy.optimize import approx_fprime

    f, x = workload["function"], workload["x0"]
    import gc
    if "--nogc" in sys.argv:
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
            start = time.perf_counter()
            run(x)
            spent[name].append(time.perf_counter() - start)
    times = {name: statistics.median(values) for name, values in spent.items()}
    bound = workload.get("at most")
    print(workload["title"] + (f" (asked for: {bound})" if bound else ""))
    size = np.max(np.abs(found["chainrule"]))
    for name, seconds in times.items():
        far = 0.0 if name == "function" else np.max(np.abs(found[name] - found["chainrule"])) / size
        ratio = seconds / times["function"]
        print(f"  {name:12s}{seconds * 1e3:10.2f} ms {ratio:8.2f} f   differs by {far:.1e}")


if __name__ == "__main__":
    sys.exit("run one of the workloads")

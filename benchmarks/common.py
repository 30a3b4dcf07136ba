"""Timing for the benchmarks: peers in turn in one process, medians after warm-up, equal threads."""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

THREADS = int(os.environ.get("BENCH_THREADS", "1"))
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, str(THREADS))
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1" if THREADS == 1 else "",
)


def compare(
    runs: dict[str, Callable[[], Any]], seconds: float = 2.0, least: int = 9
) -> dict[str, float]:
    """Return the median seconds per call of each run.

    The runs take turns in short batches, so that noise of the machine meets all alike; the whole
    takes about `seconds` per run.
    """
    batch = {}
    for name, run in runs.items():
        for _ in range(3):
            run()
        start = time.perf_counter()
        run()
        once = max(time.perf_counter() - start, 1e-7)
        batch[name] = max(1, int(0.01 / once))
    samples: dict[str, list[float]] = {name: [] for name in runs}
    end = time.perf_counter() + seconds * len(runs)
    while time.perf_counter() < end or len(samples[next(iter(runs))]) < least:
        for name, run in runs.items():
            start = time.perf_counter()
            for _ in range(batch[name]):
                run()
            samples[name].append((time.perf_counter() - start) / batch[name])
    return {name: statistics.median(values) for name, values in samples.items()}


def unit(seconds: float) -> str:
    """Write a time with a fitting unit."""
    for scale, name in ((1e-6, "ns"), (1e-3, "µs"), (1.0, "ms")):
        if seconds < scale:
            return f"{seconds / scale * 1e3:8.2f} {name}"
    return f"{seconds:8.3f} s "


def report(title: str, times: dict[str, float], bounds: dict[str, float]) -> bool:
    """Print each time, the ratio of ours to it, and whether the bound asked for is met."""
    ours = times["chainrule"]
    print(f"\n{title}")
    print(f"  {'chainrule':32s}{unit(ours)}")
    met = True
    for name, seconds in times.items():
        if name == "chainrule":
            continue
        ratio = ours / seconds
        line = f"  {name:32s}{unit(seconds)}   ours/theirs {ratio:6.3f}"
        if name in bounds:
            good = ratio <= bounds[name]
            met = met and good
            line += f"   asked ≤ {bounds[name]:g}: {'met' if good else 'MISSED'}"
        elif ratio > 1:
            line += "   (we lose)"
        print(line)
    return met

"""``python -m benchmarks.workloads [names]``: the ratios of every workload, or of those named.

Interleaved medians after warm-up, one thread, one process. Peak memory is what `tracemalloc`
counts during one call: of NumPy's and Python's allocations, not of compiled code's.
"""

from ..common import THREADS, compare, unit  # isort: skip (sets the thread count first)

import importlib
import pkgutil
import sys
import tracemalloc
from typing import Any

from . import Row


def peak(run: Any) -> float:
    """Return the MB that one call needs at its peak."""
    run()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def report(row: Row) -> bool:
    """Print one row; say whether no peer that a user has today is quicker."""
    row.check()
    runs = {"plain": row.plain, "chainrule": row.ours}
    if row.differences is not None:
        runs["differences"] = row.differences
    times = compare(runs | row.peers, 1.0)
    ours = times.pop("chainrule")
    if row.calls:
        times[f"differences ({row.calls:,} calls)"] = row.calls * times["plain"]
    ratios = ", ".join(f"{name} {ours / t:.3g}" for name, t in times.items())
    print(f"{row.title:44s}{unit(ours)}   ours over: {ratios}; {peak(row.ours):.2f} MB", flush=True)
    return ours <= min((t for name, t in times.items() if "differences" in name), default=ours)


def main(names: list[str]) -> int:
    """Run the workloads; the exit code is 0 whatever they show: speed is told, not asserted."""
    package = importlib.import_module(__package__)
    found = [m.name for m in pkgutil.iter_modules(package.__path__) if m.name != "__main__"]
    unknown = sorted(set(names) - set(found))
    if unknown:
        print(f"no workload {', '.join(unknown)}; there are {', '.join(found)}")
        return 2
    met = []
    for name in names or found:
        module = importlib.import_module(f"{__package__}.{name}")
        met += [report(row) for row in module.rows()]
    print(f"{sum(met)} of {len(met)} at or below finite differences, threads {THREADS}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

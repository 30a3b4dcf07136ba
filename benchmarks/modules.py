"""What the size of the program around a function costs a trace of it.

While a function is traced the names of NumPy, SciPy and `math` stand for functions that record, in
every module of the program. So a trace of a small function costs more in a program of many modules;
this measures how much a module, with nine such names, adds.
"""

from common import unit  # isort: skip (sets the thread count first)

import importlib
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

import chainrule as cr

MODULE = """
import math
import numpy as np
import numpy.linalg as la
from numpy import cos, exp, linalg, sin, sum

def wave(x, start=None):
    return 1 if start is x else np.sin(x)

class Kind:
    def same(self, other):
        return self is other

def number(v):
    return isinstance(v, float) and type(v) is float
"""


def small(x: np.ndarray) -> float:
    """Return a sum that is traced with the names exchanged, as an array is made of a list."""
    return np.sum(np.sin(x) * np.array([x[0]] * 5))


def seconds() -> float:
    """Return the time of one gradient: the median of 41 runs of 50."""
    x, times = np.linspace(0.0, 1.0, 5), []
    for _ in range(41):
        start = perf_counter()
        for _ in range(50):
            cr.grad(small)(x)
        times.append((perf_counter() - start) / 50)
    return median(times)


def main() -> int:
    """Time the gradient in a program of 0, 50, 100 and 200 further modules."""
    print("modules  gradient   each adds")
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        bare, made = 0.0, 0
        for count in (0, 50, 100, 200):
            for k in range(made, count):
                Path(folder, f"part_{k}.py").write_text(MODULE)
                importlib.invalidate_caches()
                importlib.import_module(f"part_{k}")
            made = count
            now = seconds()
            bare = bare or now
            each = unit((now - bare) / count) if count else ""
            print(f"{count:7d}  {unit(now)}  {each}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

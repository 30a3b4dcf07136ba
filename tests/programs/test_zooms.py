"""Searches that zoom in by an index or a digit, in few steps: told, never a slope of 0 in silence.

Each step asks one question for a whole grid: where is it least, where does it pass the answer. The
index is constant, and so is what the grid is narrowed to.
"""

import bisect
import heapq
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import spatial

import chainrule as cr
from chainrule.diagnose import searching
from chainrule.errors import CheckError


@pytest.fixture(autouse=True)
def _nothing_is_known() -> None:
    searching._agreed.clear()


PICKERS: dict[str, Callable[[Any, Any], Any]] = {  # where g² is a, or nearest to it
    "argmin": lambda g, a: np.argmin(np.abs(g * g - a)),
    "argmin of squares": lambda g, a: ((g * g - a) ** 2).argmin(),
    "argsort": lambda g, a: np.argsort(np.abs(g * g - a))[0],
    "nanargmin": lambda g, a: np.nanargmin(np.abs(g * g - a)),
    "argpartition": lambda g, a: np.argpartition(np.abs(g * g - a), 1)[0],
    "lexsort": lambda g, a: np.lexsort((np.abs(g * g - a),))[0],
    "searchsorted": lambda g, a: np.searchsorted(g * g, a),
    "digitize": lambda g, a: np.digitize(a, g * g),
    "histogram": lambda g, a: np.histogram(np.array([a]), g * g)[0].argmax(),
    "nonzero": lambda g, a: np.nonzero(g * g >= a)[0][0],
    "where": lambda g, a: np.where(g * g >= a)[0][0],
    "flatnonzero": lambda g, a: np.flatnonzero(g * g >= a)[0],
    "argwhere": lambda g, a: np.argwhere(g * g >= a)[0, 0],
    "argmax": lambda g, a: np.argmax(g * g >= a),
    "mask": lambda g, a: np.searchsorted(g, g[g * g >= a][0]),
    "count_nonzero": lambda g, a: np.count_nonzero(g * g < a),
    "sum": lambda g, a: np.sum(g * g < a),
    "sign": lambda g, a: np.sign(g * g - a).tolist().index(1.0),
    "list.index": lambda g, a: list(g * g >= a).index(True),
    "min": lambda g, a: min(range(len(g)), key=lambda i: abs(g[i] ** 2 - a)),
    "sorted": lambda g, a: sorted(range(len(g)), key=lambda i: abs(g[i] ** 2 - a))[0],
    "tuples": lambda g, a: max((-abs(v * v - a), i) for i, v in enumerate(g))[1],
    "sorted tuples": lambda g, a: sorted((abs(v * v - a), i) for i, v in enumerate(g))[0][1],
    "heap": lambda g, a: heapq.nsmallest(1, ((abs(v * v - a), i) for i, v in enumerate(g)))[0][1],
    "neighbour": lambda g, a: spatial.cKDTree((g * g)[:, None]).query(np.stack([a]))[1],
    "nearest": lambda g, a: np.abs(np.subtract.outer(g * g, np.stack([a]))).argmin(0)[0],
    "next": lambda g, a: next(i for i in range(len(g)) if g[i] ** 2 >= a),
    "bisect": lambda g, a: bisect.bisect([v * v for v in g], a),
}
SHAPES = {"many steps": (14, 11), "some steps": (9, 11), "few steps": (6, 101)}


def zooming(pick: Callable[[Any, Any], Any], steps: int, points: int) -> Callable[[Any], Any]:
    def f(a: Any) -> Any:
        low, high = 0.0, 4.0
        for _ in range(steps):
            g = np.linspace(low, high, points)
            k = min(max(int(pick(g, a)), 1), points - 2)
            low, high = g[k - 1], g[k + 1]
        return (low + high) / 2

    return f


TAKEN: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: cr.grad(f)(3.1),
    "jvp": lambda f: cr.jvp(f, (3.1,), (1.0,)),
    "vmap": lambda f: cr.vmap(cr.grad(f))(np.array([3.1])),
}


@pytest.mark.parametrize("taken", TAKEN)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PICKERS)
def test_a_zoom_by_an_index_is_seen(name: str, shape: str, taken: str) -> None:
    f = zooming(PICKERS[name], *SHAPES[shape])
    assert abs(f(3.1) - 3.1**0.5) < 1e-3
    with pytest.raises(CheckError, match=r"searches by .*\n +where: .*test_zooms"):
        TAKEN[taken](f)


def digits(a: Any) -> Any:
    low, width = 0.0, 10.0
    for _ in range(14):
        low = low + np.floor(10 * (np.sqrt(a) - low) / width) * width / 10
        width = width / 10
    return low


def egyptian(x: Any) -> Any:
    x, total = x / 10, 0.0
    while x > 1e-12:
        n = math.ceil(1 / x)
        x, total = x - 1 / n, total + 1 / n
    return total


def by_sorting(a: Any) -> Any:
    low, high = 0.0, 4.0
    for _ in range(50):
        m = (low + high) / 2
        least = sorted([("m", m * m), ("a", a)], key=lambda pair: pair[1])[0][0]
        low, high = (m, high) if least == "m" else (low, m)
    return (low + high) / 2


def by_steps(a: Any) -> Any:
    best, step = 2.0, 1.0
    for _ in range(25):
        best = min([best - step, best, best + step], key=lambda v: (v * v - a) ** 2)
        step = step / 2
    return best


@pytest.mark.parametrize("taken", TAKEN)
@pytest.mark.parametrize("f", [digits, egyptian, by_sorting, by_steps])
def test_digits_fractions_and_steps(f: Callable[[Any], Any], taken: str) -> None:
    with pytest.raises(CheckError, match="searches by"):
        TAKEN[taken](f)


# --- what asks in the same rows, and loses nothing ------------------------------------------------


def table(a: Any) -> Any:
    grid = np.linspace(0, 4, 41)
    total = 0.0
    for shift in (0.0, 0.1, 0.23, 0.4, 0.55, 0.71, 0.8, 0.93):
        i = int(np.searchsorted(grid, a * shift)) or 1
        part = (a * shift - grid[i - 1]) / (grid[i] - grid[i - 1])
        total = total + (1 - part) * grid[i - 1] ** 2 + part * grid[i] ** 2
    return total


def nearest_points(a: Any) -> Any:
    points, total = np.linspace(0, 4, 9), 0.0
    for k in range(12):
        i = np.argmin(np.abs(points - a * k / 12))
        total = total + 0.5**k * (a * k - points[i]) ** 2
    return total


def polished(a: Any) -> Any:
    x = zooming(PICKERS["argmin"], 9, 11)(a)
    return x - (x * x - a) / (2 * x)


@pytest.mark.parametrize("f", [table, nearest_points, polished])
def test_what_loses_nothing_is_left_alone(f: Callable[[Any], Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = cr.grad(f)(3.1371)
    np.testing.assert_allclose(got, (f(3.1371 + 1e-6) - f(3.1371 - 1e-6)) / 2e-6, rtol=1e-5)

"""Functions with a cache of their own, `functools.lru_cache`, in a traced program.

A traced value is no key: a call that is given one, or an object that holds one (a method whose
result is kept by `self`), computes. Other calls go through the cache, with
plain names, so that it holds plain values.
"""

import functools
import weakref
from typing import Any

import numpy as np

from .alike import Alike
from .running import running
from .tracer import TRACERS

CACHED = functools._lru_cache_wrapper
_doors: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def door(cached: Any) -> Any:
    """Return what stands for a function with a cache while a function is traced."""
    found = _doors.get(cached)
    if found is None:
        found = _doors[cached] = _make(weakref.ref(cached))
    return found


def _holds(value: Any, depth: int) -> bool:
    """Say whether a value is traced, or an object or container that holds something traced."""
    kind = type(value)
    if kind in TRACERS:
        return True
    if not depth or kind in (int, float, str, bool, np.ndarray, type(None)):
        return False
    parts = value.values() if kind is dict else value if kind in (list, tuple) else (
        value.__dict__.values() if type(getattr(value, "__dict__", None)) is dict else ())
    return any(_holds(v, depth - 1) for v in list(parts)[:_FEW])


_FEW = 100


def _make(ref: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        cached = ref()
        if running.traces and any(_holds(a, 3) for a in (*args, *kwargs.values())):
            return cached.__wrapped__(*args, **kwargs)
        traces, running.traces = running.traces, []
        try:
            return cached(*args, **kwargs)
        finally:
            running.traces = traces

    return Alike(call, ref)

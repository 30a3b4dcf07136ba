"""Functions with a cache of their own, `functools.lru_cache`, in a traced program.

A traced value is no key: a call that is given one computes. Other calls go through the cache, with
plain names, so that it holds plain values.
"""

import functools
import weakref
from typing import Any

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


def _make(ref: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        cached = ref()
        for a in (*args, *kwargs.values()):
            if type(a) in TRACERS and running.traces:
                return cached.__wrapped__(*args, **kwargs)
        traces, running.traces = running.traces, []
        try:
            return cached(*args, **kwargs)
        finally:
            running.traces = traces

    for name in ("__name__", "__qualname__", "__doc__", "__module__"):
        setattr(call, name, getattr(ref(), name, None))
    for name in ("cache_clear", "cache_info", "cache_parameters"):
        setattr(call, name, lambda name=name: getattr(ref(), name)())
    call.cr_cached = ref  # type: ignore[attr-defined]
    return call

"""Floor 2: declarations only, a module per family. Blind to `tracing`."""

from ..core import registry
from . import (
    arithmetic,
    complexes,
    cumulative,
    explog,
    extremes,
    filling,
    index,
    joining,
    layout,
    linalg,
    logic,
    products,
    reduce,
    select,
    sorting,
    structure,
    trig,
)

__all__ = [
    "arithmetic",
    "complexes",
    "cumulative",
    "explog",
    "extremes",
    "filling",
    "index",
    "joining",
    "layout",
    "linalg",
    "logic",
    "products",
    "reduce",
    "registry",
    "select",
    "sorting",
    "structure",
    "trig",
]

"""Floor 2: declarations only, a module per family. Blind to `tracing`."""

from ..core import registry
from . import (
    arithmetic,
    complexes,
    explog,
    filling,
    index,
    joining,
    layout,
    linalg,
    logic,
    products,
    reduce,
    select,
    structure,
    trig,
)

__all__ = [
    "arithmetic",
    "complexes",
    "explog",
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
    "structure",
    "trig",
]

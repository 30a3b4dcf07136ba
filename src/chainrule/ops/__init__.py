"""Floor 2: declarations only, a module per family. Blind to `tracing`."""

from ..core import registry
from . import arithmetic, filling, index, joining, layout, linalg, logic, products, reduce, structure

__all__ = ["arithmetic", "filling", "index", "joining", "layout", "linalg", "logic", "products", "reduce", "registry", "structure"]

"""Floor 2: declarations only, a module per family. Blind to `tracing`."""

from ..core import registry
from . import arithmetic, index, layout, linalg, products, reduce, structure

__all__ = ["arithmetic", "index", "layout", "linalg", "products", "reduce", "registry", "structure"]

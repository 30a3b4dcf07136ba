"""Floor 4: the work shown. Reads recordings; knows no public API."""

from .derivation import Derivation, explain
from .drawing import Drawing, draw

__all__ = ["Derivation", "Drawing", "draw", "explain"]

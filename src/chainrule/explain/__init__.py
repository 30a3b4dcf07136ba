"""Floor 4: the work shown. Reads recordings; knows no public API."""

from .derivation import Derivation, explain

__all__ = ["Derivation", "explain"]

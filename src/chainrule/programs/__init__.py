"""Programs: recordings that run again without the user's Python, while their guards hold."""

from .jit import Jitted, jit

__all__ = ["Jitted", "jit"]

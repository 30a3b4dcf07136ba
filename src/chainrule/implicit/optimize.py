"""The records of `scipy.optimize`; importing this module registers them."""

from . import fits, minimize, programs, roots

__all__ = ["fits", "minimize", "programs", "roots"]

"""The records of `scipy.optimize`; importing this module registers them."""

from . import roots

__all__ = ["roots"]

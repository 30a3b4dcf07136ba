"""The records of `scipy.optimize`; importing this module registers them."""

from . import minimize, roots

__all__ = ["minimize", "roots"]

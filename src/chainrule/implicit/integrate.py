"""The records of `scipy.integrate`; importing this module registers them."""

from ..ops import integrate_sampled
from . import integrals, ivp

__all__ = ["integrals", "integrate_sampled", "ivp"]

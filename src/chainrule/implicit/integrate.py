"""The records of `scipy.integrate`; importing this module registers them."""

from ..ops.scipy import integrate as integrate_sampled
from . import bvp, integrals, ivp, ode

__all__ = ["bvp", "integrals", "integrate_sampled", "ivp", "ode"]

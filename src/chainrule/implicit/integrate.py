"""The records of `scipy.integrate`; importing this module registers them."""

from ..ops import integrate_sampled

__all__ = ["integrate_sampled"]

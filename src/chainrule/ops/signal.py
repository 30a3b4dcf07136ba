"""Signal processing. Loaded with `scipy.signal`."""

from . import filters

__all__ = ["filters"]

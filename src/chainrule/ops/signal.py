"""Signal processing. Loaded with `scipy.signal`."""

from . import convolution_nd, filters

__all__ = ["convolution_nd", "filters"]

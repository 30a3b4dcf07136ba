"""Interpolation: `scipy.interpolate`."""

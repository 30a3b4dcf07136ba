"""Distances and rotations: `scipy.spatial`."""

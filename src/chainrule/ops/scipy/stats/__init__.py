"""Distributions and sample statistics: `scipy.stats`."""

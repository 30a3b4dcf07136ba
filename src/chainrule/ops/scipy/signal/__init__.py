"""Signals: `scipy.signal`."""

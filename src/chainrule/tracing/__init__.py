"""Floor 2: from a running NumPy program to a recording. Blind to `ops`."""

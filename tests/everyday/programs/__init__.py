"""One module per field, each written with plain NumPy and SciPy."""

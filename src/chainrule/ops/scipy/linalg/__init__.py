"""Linear algebra: `scipy.linalg`."""

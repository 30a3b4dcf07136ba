"""Sparse arrays, their solvers and their graphs: `scipy.sparse`."""

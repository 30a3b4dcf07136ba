"""The records of `scipy.sparse.linalg` that solve; importing this module registers them."""

from . import krylov, preconditioners, sparse_least, spectra

__all__ = ["krylov", "preconditioners", "sparse_least", "spectra"]

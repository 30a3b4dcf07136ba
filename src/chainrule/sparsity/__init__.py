"""Sparse Jacobians and Hessians: patterns from the rules, colourings, compressed products."""

from .derivative import SparseDerivative, jac_sparsity, sparse_hessian, sparse_jacobian

__all__ = ["SparseDerivative", "jac_sparsity", "sparse_hessian", "sparse_jacobian"]

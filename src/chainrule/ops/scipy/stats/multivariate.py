"""Multivariate distributions of `scipy.stats`: SciPy's own formulas on traced values.

Only two things stand in their way: arguments are converted to plain arrays, for which SciPy's code
runs on traced ones (`borrowed`); and the covariance is taken apart by an eigendecomposition, whose
vectors have no derivative where eigenvalues meet (a multiple of the identity). Every U with
U·Uᵀ = M⁻¹ serves, so here U = L⁻ᵀ·Q with M = L·Lᵀ, and Q a constant turn to SciPy's own U.
"""

from typing import Any

import numpy as np
from scipy import linalg, special, stats
from scipy.stats import _covariance, _multivariate

from ....core.op import Composite
from ....core.registry import register
from ...borrowed import Borrowed, buffers_like
from ...declare import as_array
from ..common import as_computed, plain, refusal, refused

_PSD = _multivariate._PSD
_COPY = Borrowed(_multivariate)


def decompose(
    self: Any, M: Any, cond: Any = None, rcond: Any = None, lower: bool = True,
    check_finite: bool = True, allow_singular: bool = True,
) -> None:  # fmt: skip
    """Take a traced covariance apart: M⁻¹ = U·Uᵀ and log det M; it must have full rank."""
    M = as_array(M)
    model = _PSD(plain(M), cond, rcond, lower, check_finite, allow_singular)
    if model.rank < M.shape[0]:
        raise refusal(
            "scipy.stats: the covariance of a multivariate distribution",
            "it is singular, and the density on its range jumps as the rank changes",
            "use a covariance of full rank; where no derivative is meant, write ‹held cov 2›",
        )
    low = np.linalg.cholesky(M if lower else np.matrix_transpose(M))
    turn = plain(low).T @ model.U  # orthogonal
    self.__dict__.update(model.__dict__)
    self._M = M
    self.U = as_computed(linalg.solve_triangular(low, turn, lower=True, trans="T"), model.U)
    self.log_pdet = as_computed(2.0 * np.sum(np.log(np.diagonal(low))), model.log_pdet)


class _Traced(_covariance.CovViaPSD):  # type: ignore[misc]
    """A covariance whose matrix is traced."""

    log_pdet = property(lambda self: self._log_pdet)
    covariance = property(lambda self: self._covariance)

    def whiten(self, x: Any) -> Any:
        """Return x·U, uncorrelated."""
        return as_array(x) @ self._LP


def _normal_parameters(self: Any, mean: Any, cov: Any, allow_singular: bool = True) -> Any:
    if isinstance(cov, _covariance.Covariance):
        return self._process_parameters_Covariance(mean, cov)
    dim, mean, cov = _member(stats.multivariate_normal, "_process_parameters_psd")(
        self, None, mean, cov
    )
    psd = object.__new__(_PSD)
    _PSD.__init__(psd, cov, allow_singular=allow_singular)
    return dim, mean, _Traced(psd)


def _member(dist: Any, name: str) -> Any:
    """Return SciPy's method as it runs on traced values."""
    home = next(kind for kind in type(dist).__mro__ if name in vars(kind))
    own = vars(_COPY[home])[name]

    def body(*args: Any, **kwargs: Any) -> Any:
        with buffers_like((args, kwargs)):
            return own(*args, **kwargs)

    return body


def _method(dist: Any, name: str, body: Any = None) -> None:
    function = getattr(type(dist), name)
    label = f"scipy.stats.{type(dist).__name__}.{name}"
    register(function, Composite(label, body or _member(dist, name), None))


register(_PSD.__init__, Composite("scipy.stats._PSD", decompose, None))
_method(stats.multivariate_normal, "_process_parameters", _normal_parameters)
_method(stats.multivariate_normal, "_process_quantiles")
for _dist in (stats.multivariate_t, stats.matrix_normal, stats.multinomial, stats.wishart):
    _method(_dist, "_process_parameters")
    _method(_dist, "_process_quantiles")
_method(stats.multinomial, "_checkresult")
_method(stats.wishart, "_logpdf")


def _log_inverse_wishart(
    self: Any, x: Any, dim: int, df: Any, log_det_scale: Any, C: Any
) -> Any:
    """Return the log density; BLAS, which SciPy calls for tr(scale·X⁻¹) = |X^(−½) C|², is none."""
    low = np.linalg.cholesky(np.moveaxis(as_array(x), -1, 0))
    whole = linalg.solve_triangular(low, as_array(C), lower=True)
    trace = np.sum(whole**2, axis=(-2, -1))
    log_det = 2 * np.sum(np.log(np.diagonal(low, 0, -2, -1)), axis=-1)
    return (
        0.5 * df * log_det_scale - 0.5 * trace - 0.5 * df * dim * np.log(2.0)
        - 0.5 * (df + dim + 1) * log_det - special.multigammaln(0.5 * df, dim)
    )  # fmt: skip


_method(stats.invwishart, "_logpdf", _log_inverse_wishart)
for _name in ("_dirichlet_check_parameters", "_dirichlet_check_input"):
    _function = getattr(_multivariate, _name)
    register(_function, Composite(f"scipy.stats.{_name}", _COPY.body(_function), None))


def _whiten(self: Any, x: Any) -> Any:
    return self._whiten(as_array(x))


register(_covariance.Covariance.whiten, Composite("scipy.stats.Covariance.whiten", _whiten, None))
refused(
    type(stats.multivariate_t)._cdf, "SciPy integrates it by random points, to five digits or so",
    "pass plain numbers; in one dimension use scipy.stats.t.cdf", "scipy.stats.multivariate_t.cdf",
)

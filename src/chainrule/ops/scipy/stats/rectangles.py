"""The normal probability of a rectangle: `multivariate_normal.cdf` in one and two dimensions.

Φ₂(h, k; ρ), the probability that both of two normal numbers of correlation ρ lie below, has
∂Φ₂/∂h = φ(h)·Φ((k − ρh)/√(1 − ρ²)), and ∂Φ₂/∂ρ is their joint density at (h, k) (Plackett 1954).
A rectangle is a sum over its corners, turned limits included. SciPy computes it with all digits;
in three and more dimensions it draws random points, and there it is refused.

Domain: a covariance of full rank. Of one in two dimensions SciPy reads the corner [0, 1].

References: R. L. Plackett, A reduction formula for normal multivariate integrals, Biometrika 41
(1954); D. B. Owen, Tables for computing bivariate normal probabilities (1956).
"""

import math
from typing import Any

import numpy as np
from scipy import special, stats

from ....core.op import Composite, sample
from ....core.registry import register
from ....errors import UnsupportedFunctionError
from ...declare import as_array, elementwise
from ..common import agreed, as_computed, constant_of, refusal, settled

_FAR = 40.0  # beyond it Φ is 0 or 1, and its density 0, to the last bit


def _root(r: Any) -> Any:
    return np.sqrt((1.0 - r) * (1.0 + r))


def _value(h: Any, k: Any, r: Any) -> Any:
    """Return Φ₂ by Owen's function T."""
    root = _root(r)
    with np.errstate(all="ignore"):
        one = special.owens_t(h, (k - r * h) / (h * root))
        two = special.owens_t(k, (h - r * k) / (k * root))
        one, two = (
            np.where(u == 0, 0.25 * np.sign(v), t) for u, v, t in
            ((h, k, one), (k, h, two))
        )  # fmt: skip
    beyond = (h * k < 0) | ((h * k == 0) & (h + k < 0))
    found = 0.5 * (special.ndtr(h) + special.ndtr(k)) - one - two - np.where(beyond, 0.5, 0.0)
    return np.where((h == 0) & (k == 0), 0.25 + np.arcsin(r) / (2 * math.pi), found)[()]


def _given(h: Any, k: Any, r: Any) -> Any:
    """Return φ(h)·Φ((k − ρh)/√(1 − ρ²))."""
    return np.exp(-0.5 * h * h) / math.sqrt(2 * math.pi) * special.ndtr((k - r * h) / _root(r))


def _density(h: Any, k: Any, r: Any) -> Any:
    far = (h - k) * (h - k) + 2.0 * (1.0 - r) * h * k  # h² − 2ρhk + k²
    return np.exp(-0.5 * far / ((1.0 - r) * (1.0 + r))) / (2 * math.pi * _root(r))


below = elementwise(
    None, lambda _y, h, k, r: _given(h, k, r), lambda _y, h, k, r: _given(k, h, r),
    lambda _y, h, k, r: _density(h, k, r), name="binormal", value=_value, text="Φ₂",
    latex="\\Phi_2", domain=((-2.0, 2.0), (-2.0, 2.0), (-0.9, 0.9)),
    samples=(sample((), (), ()), sample((3, 2), (2,), ()), sample((0,), (), ())),
    rule="∂Φ₂/∂h = φ(h)·Φ((k − ρh)/√(1 − ρ²)), and ∂Φ₂/∂ρ is the joint density",
)  # fmt: skip


def _by_scipy(x: Any, mean: Any, cov: Any, *low: Any, rest: Any, more: Any) -> Any:
    dist = stats.multivariate_normal
    return dist._cdf(x, mean, cov, *rest, low[0] if low else None, *more[0], **more[1])


_scipys = constant_of("multivariate_normal_cdf_value", _by_scipy)


def _singular() -> UnsupportedFunctionError:
    return refusal(
        "scipy.stats.multivariate_normal.cdf",
        "its covariance is singular, and the probability bends where the limits meet",
        "use a covariance of full rank; where no derivative is meant, write ‹held x 0›",
    )


def _cdf(
    self: Any, x: Any, mean: Any, cov: Any, maxpts: Any, abseps: Any, releps: Any,
    lower_limit: Any, *rest: Any, **options: Any,
) -> Any:  # fmt: skip
    """Return the probability of the rectangles between `lower_limit` and `x`."""
    x, mean, cov = (as_array(settled(v)) for v in (x, mean, cov))
    n = x.shape[-1]
    if n > 2:
        raise refusal(
            "scipy.stats.multivariate_normal.cdf",
            "in three and more dimensions SciPy integrates by random points, to five digits or so",
            "where no derivative is meant, write ‹held x 0›; of independent numbers take the "
            "product of scipy.stats.norm.cdf",
        )  # fmt: skip
    ends = [x] if lower_limit is None else [x, as_array(settled(lower_limit))]
    value = _scipys(x, mean, cov, *ends[1:], rest=(maxpts, abseps, releps), more=(rest, options))
    width = np.sqrt(np.diagonal(cov))
    if not np.all(agreed(width) > 0):
        raise _singular()
    ends = [np.clip((end - mean) / width, -_FAR, _FAR) for end in ends]
    if n == 1:
        found = [special.ndtr(end[..., 0]) for end in ends]
        total = found[0] if lower_limit is None else found[0] - found[1]
    else:
        r = cov[0, 1] / (width[0] * width[1])
        if not abs(agreed(r)) < 1.0 - 1e-15:
            raise _singular()
        total = 0.0
        for i, one in enumerate(ends):
            for j, two in enumerate(ends):
                total = total + (-1) ** (i + j) * below(one[..., 0], two[..., 1], r)
    return as_computed(np.reshape(total, np.shape(value)), value)


_Normal = type(stats.multivariate_normal)
register(_Normal._cdf, Composite("scipy.stats.multivariate_normal.cdf", _cdf, None))

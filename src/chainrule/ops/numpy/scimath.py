"""NumPy functions whose own Python is their body, once it keeps traced arrays traced.

`numpy.emath` goes over to complex numbers where real ones do not do; the derivative there is that
of the complex function. What set functions return are elements of their inputs.
"""

import sys
from typing import Any

import numpy as np

from ...core.op import Const, Sample, sample
from ...core.registry import composite
from ..declare import as_array
from .own_python import own_body, plain

_X = (4,)
_HIGH, _UNIT = (0.4, 2.5), (-0.9, 0.9)
_WIDE = (-3.0, 3.0)
_SHARED = Const(np.array([1.0, 2.0, 3.0]))


def _module_of(function: Any) -> Any:
    return sys.modules[function._implementation.__globals__["__name__"]]


_OWN: dict[Any, tuple[tuple[Sample, ...], tuple[float, float]]] = {
    np.emath.sqrt: ((sample(_X),), _HIGH),
    np.emath.log: ((sample(_X),), _HIGH),
    np.emath.log2: ((sample(_X),), _HIGH),
    np.emath.log10: ((sample(_X),), _HIGH),
    np.emath.logn: ((sample(_X, _X), sample(Const(3.0), _X)), _HIGH),
    np.emath.power: ((sample(_X, ()), sample(_X, Const(3))), _HIGH),
    np.emath.arcsin: ((sample(_X),), _UNIT),
    np.emath.arccos: ((sample(_X),), _UNIT),
    np.emath.arctanh: ((sample(_X),), _UNIT),
    np.setxor1d: ((sample(_X, _SHARED),), _WIDE),
    np.union1d: ((sample(_X, _SHARED),), _WIDE),
}
for _function, (_samples, _domain) in _OWN.items():
    _home = "emath." if getattr(np.emath, _function.__name__, None) is _function else ""
    composite(_function, *_samples, domain=(_domain,), name=_home + _function.__name__)(
        own_body(_function, _module_of(_function))
    )


@composite(np.setdiff1d, sample(_X, _SHARED))
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """Return the elements of `ar1` that `ar2` does not hold."""
    ar1 = np.ravel(as_array(ar1)) if assume_unique else np.unique(as_array(ar1))
    return ar1[np.isin(plain(ar1), plain(ar2), invert=True)]


@composite(np.intersect1d)
def intersect1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """Return the elements that both hold.

    At ties, as for `unique`: all elements of a value share it equally, half for each of the two.
    """
    pair = [np.ravel(as_array(x)) for x in (ar1, ar2)]
    values = pair if assume_unique else [np.unique(x) for x in pair]
    both = np.concatenate(values)
    both = both[np.argsort(both, kind="stable")]
    found = np.equal(plain(both)[1:], plain(both)[:-1])
    common, other = both[:-1][found], both[1:][found]
    if common.dtype.kind in "fc":
        with np.errstate(invalid="ignore"):
            apart = other - common  # zeros
        common = common + np.where(np.isfinite(plain(common)), apart, 0) / 2
    if not return_indices:
        return common
    return (common, *np.intersect1d(*map(plain, pair), assume_unique, return_indices=True)[1:])

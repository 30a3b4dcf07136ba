"""Law: where f is homogeneous of degree k, its gradient at s·x is sᵏ⁻¹ times that at x.

It is held where the plain values scale so, however far out: what is computed on the way to a value,
or to its slope, may then leave the range of numbers, but neither of the two does. The second
derivatives scale by sᵏ⁻².
"""

import math
import statistics

import numpy as np
import pytest
import scipy.linalg
from scipy import special, stats
from scipy.spatial import distance

import chainrule as cr

X = np.array([3.0, 4.0, 1.5])
Y = np.array([1.0, 2.0, 0.5])
SCALES = [2.0**e for e in (-565, -500, -332, 332, 500, 530)]  # 1e-170, 1e-150, 1e-100, …

HOMOGENEOUS = {
    "hypot of 1": (lambda x: math.hypot(x[0]), 1),
    "hypot of 2": (lambda x: math.hypot(x[0], x[1]), 1),
    "hypot of 3": (lambda x: math.hypot(*x), 1),
    "np.hypot": (lambda x: np.hypot(x[0], x[1]), 1),
    "dist of 2": (lambda x: math.dist(x[:2], [0.0, 0.0]), 1),
    "dist of 3": (lambda x: math.dist(x, x[::-1]), 1),
    "abs of a complex": (lambda x: np.abs(x[0] + 1j * x[1]), 1),
    "scipy norm": (scipy.linalg.norm, 1),
    **{f"scipy norm {p}": (lambda x, p=p: scipy.linalg.norm(x, p), 1) for p in (1, 2, 3, np.inf)},
    **{f"norm {p}": (lambda x, p=p: np.linalg.norm(x, p), 1) for p in (None, 0.5, 1, 3, -1, -2)},
    "norm of columns": (lambda x: np.linalg.norm(np.stack([x, 2 * x]), 3, axis=1)[0], 1),
    "norm of a matrix": (lambda x: scipy.linalg.norm(np.outer(x, [1.0, 2.0])), 1),
    "euclidean": (lambda x: distance.euclidean(x, 0.5 * x[::-1]), 1),
    "weighted euclidean": (lambda x: distance.euclidean(x, 0.5 * x[::-1], w=Y), 1),
    "seuclidean": (lambda x: distance.seuclidean(x, 0.5 * x[::-1], Y), 1),
    "mahalanobis": (lambda x: distance.mahalanobis(x, 0.5 * x[::-1], np.diag(Y)), 1),
    **{
        f"minkowski {p}": (lambda x, p=p: distance.minkowski(x, 0.5 * x[::-1], p), 1)
        for p in (1, 2, 3)
    },
    "cdist": (lambda x: distance.cdist([x], [2 * x])[0, 0], 1),
    "cosine": (lambda x: distance.cosine(x, Y), 0),
    "stdev": (lambda x: statistics.stdev(list(x)), 1),
    "pstdev": (lambda x: statistics.pstdev(list(x)), 1),
    "harmonic_mean": (lambda x: statistics.harmonic_mean(list(x)), 1),
    "geometric_mean": (lambda x: statistics.geometric_mean(list(x)), 1),
    "hmean": (stats.hmean, 1),
    "hmean of rows": (lambda x: stats.hmean(np.stack([x, 2 * x]), axis=1)[1], 1),
    "gmean": (stats.gmean, 1),
    "pmean": (lambda x: stats.pmean(x, 3), 1),
    "std": (np.std, 1),
    "pearsonr": (lambda x: stats.pearsonr(x, Y)[0], 0),
    "entropy": (stats.entropy, 0),
    "arctan2": (lambda x: np.arctan2(x[0], x[1]), 0),
    "canberra": (lambda x: distance.canberra(x, Y[0] * x[::-1]), 0),
    "agm": (lambda x: special.agm(x[0], x[1]), 1),
    "svd": (lambda x: np.linalg.svd(x[:, None], compute_uv=False)[0], 1),
    "pinv of one": (lambda x: np.linalg.pinv(x[:, None])[0] @ x[::-1], 0),
    "qr": (lambda x: np.linalg.qr(x[:, None])[1][0, 0], 1),
}


def _scales(f, k, s):
    """Say whether the plain values scale, as numbers that are not near the end of their range."""
    with np.errstate(all="ignore"):
        try:
            found, wanted = float(f(s * X)), float(f(X)) * s**k
        except (OverflowError, ArithmeticError, statistics.StatisticsError):
            return False
    return np.isfinite(found) and abs(found - wanted) <= 1e-12 * abs(wanted)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_derivatives_scale(name):
    f, k = HOMOGENEOUS[name]
    slope, bend, held = cr.grad(f)(X), cr.hessian(f)(X), 0
    for s in SCALES:
        if not _scales(f, k, s):
            continue
        held += 1
        size = s ** (k - 1)
        if 1e-290 < size < 1e290:
            found = cr.grad(f)(s * X)
            np.testing.assert_allclose(found / size, slope, rtol=1e-9, atol=1e-12, err_msg=str(s))
        size = s**k / s / s
        if 1e-290 < size < 1e290:
            found = cr.hessian(f)(s * X)
            np.testing.assert_allclose(found / size, bend, rtol=1e-8, atol=1e-9, err_msg=str(s))
    assert held >= 2


ROWS = np.array([X, 2.0**530 * X, X[::-1], 2.0**-565 * X])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["hypot of 3", "scipy norm", "euclidean", "stdev", "hmean"])
def test_scales_that_differ_in_a_batch_or_between_calls(name):
    f, _ = HOMOGENEOUS[name]
    alone = [cr.grad(f)(x) for x in ROWS]
    np.testing.assert_allclose(cr.vmap(cr.grad(f))(ROWS), alone, rtol=1e-14)
    quick = cr.jit(cr.grad(f))
    for x, wanted in zip([*ROWS, *ROWS], [*alone, *alone], strict=True):
        np.testing.assert_allclose(quick(x), wanted, rtol=1e-14)


def test_whether_a_number_is_far_is_no_branch_of_the_program():
    for f in (lambda x: math.hypot(*x), scipy.linalg.norm, stats.hmean):
        for x in (X, 2.0**530 * X):
            assert "branches" not in str(cr.explain(f, x))
    assert "out_of_range" not in str(cr.trace(lambda x: math.hypot(*x), X))

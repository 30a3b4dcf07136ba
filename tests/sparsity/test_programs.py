"""No entry is missed: random programs, against dense Jacobians and against differences."""

import warnings
from typing import Any

import numpy as np
import pytest

import chainrule

from .programs import constants, program

COUNT = 300  # several thousand were run once: docs/decisions/0031


def cases(first: int, count: int) -> Any:
    for seed in range(first, first + count):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 9))
        yield rng, n, program(rng, n, int(rng.integers(2, 9)))


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def dense(derive: Any, x: Any) -> Any:
    """Return the dense matrix, or None where the program or its derivative is not finite here."""
    try:
        found = derive(x)
    except (ValueError, TypeError):
        return None
    return found if np.isfinite(found).all() else None


def test_jacobians_of_random_programs_miss_no_entry() -> None:
    stored = real = 0
    for rng, n, f in cases(0, COUNT):
        sparse, whole = chainrule.jacobian(f, sparse=True), chainrule.jacobian(f)
        for _ in range(2):  # the second point may take another branch
            x = rng.normal(size=n)
            expected = dense(whole, x)
            if expected is None:
                break
            found = sparse(x)
            given = chainrule.jac_sparsity(f)(x).toarray()
            assert not np.any((expected != 0) & ~given), f.__name__
            size = np.abs(expected).max(initial=1)
            np.testing.assert_allclose(found.toarray(), expected, 1e-9, 1e-12 * size, f.__name__)
            stored, real = stored + found.nnz, real + np.count_nonzero(expected)
    assert 1 <= stored / real < 1.25  # the union of both points; of one 1.07


@pytest.mark.parametrize("how", ["star", "acyclic"])
def test_hessians_of_random_programs_miss_no_entry(how: str) -> None:
    stored = real = 0
    for rng, n, p in cases(0, COUNT // 3):
        w = rng.normal(size=200)

        def f(x: Any, p: Any = p, w: Any = w) -> Any:
            y = p(x)
            return np.sum(y * w[: np.size(y)])

        sparse, whole = chainrule.hessian(f, sparse=how), chainrule.hessian(f)
        for _ in range(2):
            x = rng.normal(size=n)
            expected = dense(whole, x)
            if expected is None:
                break
            found = sparse(x)
            size = np.abs(expected).max(initial=1)
            np.testing.assert_allclose(found.toarray(), expected, 1e-7, 1e-10 * size, p.__name__)
            stored, real = stored + found.nnz, real + np.count_nonzero(expected)
    assert 1 <= stored / real < 1.3


def test_constants_that_change_are_noticed() -> None:
    for rng, n, f in cases(80_000, 120):
        sparse, whole = chainrule.jacobian(f, sparse=True), chainrule.jacobian(f)
        x = rng.normal(size=n)
        for number in (0, 1, 0, 2):
            constants[0] = number
            expected = dense(whole, x)
            if expected is None:
                break
            size = np.abs(expected).max(initial=1)
            found = sparse(x).toarray()
            np.testing.assert_allclose(found, expected, 1e-9, 1e-12 * size, f.__name__)
    constants[0] = 0


def test_differences_of_plain_runs_find_no_other_entry() -> None:
    """An oracle that shares nothing with the rules; where two steps disagree, it knows nothing."""
    known = 0
    for rng, n, f in cases(50_000, 80):
        x = rng.normal(size=n)
        try:
            found = chainrule.jacobian(f, sparse=True)(x).toarray()
            steps = [
                np.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(n)], axis=1)
                for h in (1e-6, 2e-6)
            ]
        except (ValueError, TypeError):
            continue
        if any(s.shape != found.shape or not np.isfinite(s).all() for s in (*steps, found)):
            continue
        a, b = steps
        near = 1e-5 * (1 + np.abs(a))
        sure = (np.abs(a - b) < near) & (np.abs(a) < 1e3)
        assert np.all(np.abs(found - a)[sure] < 10 * near[sure]), f.__name__
        known += np.count_nonzero(sure & (np.abs(a) > 1e-6))
    assert known > 1000

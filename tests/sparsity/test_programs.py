"""No entry is missed: random programs, against dense Jacobians and against poisoned inputs."""

import warnings
from typing import Any

import numpy as np
import pytest

import chainrule

from .programs import program

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

"""The everyday programs: sparse derivatives are the dense ones, at all their points."""

import contextlib
import io
import warnings
from typing import Any

import numpy as np
import pytest

import chainrule

from ..everyday.collect import Program, programs

PROGRAMS = programs()


def flat(found: Any) -> list[Any]:
    if isinstance(found, dict):
        return [part for key in sorted(found) for part in flat(found[key])]
    if isinstance(found, list | tuple):
        return [part for inner in found for part in flat(inner)]
    return [found]


def same(derive: Any, program: Program) -> None:
    """Compare at each point, and at the first one again; a program that is refused is passed by."""
    sparse, whole = derive(program.function, sparse=True), derive(program.function)
    for point in (*program.points, program.points[0]):
        try:
            expected = flat(whole(point))
        except Exception:
            return
        for part, dense in zip(flat(sparse(point)), expected, strict=True):
            dense = np.reshape(dense, part.shape)
            size = max(1.0, np.nanmax(np.abs(dense), initial=0))
            np.testing.assert_allclose(part.toarray(), dense, 1e-6, 1e-9 * size)


@pytest.mark.parametrize("number", range(len(PROGRAMS)), ids=list(PROGRAMS))
def test_sparse_is_dense(number: int, request: pytest.FixtureRequest) -> None:
    """Of every twentieth program, with ``--fuzz`` of all."""
    if number % 20 != 7 and not request.config.getoption("--fuzz"):
        return
    program = list(PROGRAMS.values())[number]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(io.StringIO()):
            same(chainrule.jacobian, program)
            same(chainrule.hessian, program)

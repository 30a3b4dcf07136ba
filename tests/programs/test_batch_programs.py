"""Law: what fails for some examples only is, under `vmap`, as in the loop over the examples.

Random programs with exceptions, handlers and warnings as errors, on batches that mix both ways.
"""

import sys
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import BatchError
from tests.programs.failing import program

BATCH = np.array(
    [[0.7, 0.4, 0.9], [-0.3, 0.8, 0.2], [0.35, -0.6, 1.2], [1.6, 0.5, 0.1], [0.1, 0.2, -0.4]]
)


def _function(seed: int) -> Any:
    module: Any = ModuleType(f"program_{seed}")
    exec(compile(program(seed), f"<program {seed}>", "exec"), vars(module))
    sys.modules[module.__name__] = module  # a part of the program, as any module
    return module.f


def _outcome(run: Any, *args: Any) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(run(*args))
    except Exception as error:
        return error


def _loop(f: Any, xs: Any) -> Any:
    return np.stack([np.asarray(f(x)) for x in xs])


MODES = {
    "vmap": (lambda f, xs: cr.vmap(f)(xs), _loop),
    "one way": (lambda f, xs: cr.vmap(f)(xs[[3, 0]]), lambda f, xs: _loop(f, xs[[3, 0]])),
    "columns": (lambda f, xs: cr.vmap(f, in_axes=1)(xs.T), _loop),
    "of grad": (lambda f, xs: cr.vmap(cr.grad(f))(xs), lambda f, xs: _loop(cr.grad(f), xs)),
    "in grad": (
        lambda f, xs: cr.grad(lambda ys: cr.vmap(f)(ys).sum())(xs),
        lambda f, xs: _loop(cr.grad(f), xs),
    ),
    "nested": (
        lambda f, xs: cr.vmap(cr.vmap(f))(np.stack([xs, xs[::-1]])),
        lambda f, xs: np.stack([_loop(f, xs), _loop(f, xs[::-1])]),
    ),
    "shared": (
        lambda f, xs: cr.vmap(lambda x, s: f(s * x), in_axes=(0, None))(xs, 0.75),
        lambda f, xs: _loop(lambda x: f(0.75 * x), xs),
    ),
}


@pytest.mark.seeds(60, 1500)
def test_a_batch_is_as_its_examples(seed: int) -> None:
    f = _function(seed)
    for mode, (batched, alone) in MODES.items():
        wanted, found = _outcome(alone, f, BATCH), _outcome(batched, f, BATCH)
        if isinstance(wanted, Exception):
            assert isinstance(found, Exception), (mode, program(seed))
        elif not isinstance(found, BatchError):  # a branch, which is refused
            same = np.allclose(found, wanted, rtol=1e-9, atol=1e-12, equal_nan=True)
            assert same, (mode, found, wanted, program(seed))


def test_most_programs_run() -> None:
    run = [_outcome(MODES["vmap"][0], _function(seed), BATCH) for seed in range(60)]
    assert sum(isinstance(found, np.ndarray) for found in run) > 0.6 * len(run)

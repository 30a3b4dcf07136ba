"""What only a derivative computes draws nothing from the program's random streams."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import interpolate, linalg
from scipy.sparse import linalg as sparse

import chainrule
from chainrule.errors import LeakedTracerError

_X = np.linspace(0, 1, 5)
_A = np.array([[2.0, 0.3], [0.1, 1.5]])
_S = sp.random(50, 50, 0.1, random_state=1).tocsr() * 30
PROGRAMS: dict[str, Callable[[Any, Any], Any]] = {
    "barycentric": lambda p, r: interpolate.BarycentricInterpolator(_X, p * _X**2)(0.3),
    "barycentric, rng": lambda p, r: interpolate.BarycentricInterpolator(_X, p * _X, rng=r)(0.3),
    "barycentric_interpolate": lambda p, r: interpolate.barycentric_interpolate(_X, p * _X, 0.3),
    "logm": lambda p, r: np.sum(linalg.logm(p * _A)),
    "a fractional power": lambda p, r: np.sum(linalg.fractional_matrix_power(p * _A, 0.3)),
    "expm_multiply": lambda p, r: np.sum(sparse.expm_multiply(_S, p * np.ones(50))),
}
DERIVATIVES: dict[str, Callable[[Any], Any]] = {
    "none": lambda f: f(1.3),
    "grad": lambda f: chainrule.grad(f)(1.3),
    "jvp": lambda f: chainrule.jvp(f, (1.3,), (1.0,)),
    "hessian": lambda f: chainrule.hessian(f)(1.3),
}


@pytest.mark.filterwarnings("ignore:The NumPy global RNG:FutureWarning")
@pytest.mark.parametrize("name", PROGRAMS)
def test_streams_are_as_without_a_derivative(name: str) -> None:
    after = {}
    for which, derivative in DERIVATIVES.items():
        np.random.seed(0)  # noqa: NPY002
        rng = np.random.default_rng(0)
        derivative(lambda p, rng=rng: PROGRAMS[name](p, rng) + p * rng.random())
        after[which] = np.random.random(), rng.random()  # noqa: NPY002
    assert set(after.values()) == {after["none"]}


def test_a_memo_kept_between_two_calls_is_refused() -> None:
    memo: dict[float, Any] = {}

    def f(x: Any) -> Any:
        key = float(chainrule.stop_gradient(x))
        if key not in memo:
            memo[key] = x**2 * 3 + x
        return memo[key]

    assert chainrule.grad(f)(1.2) == 8.2
    with pytest.raises(LeakedTracerError, match="result of f"):
        chainrule.grad(f)(1.2)
    memo.clear()  # the cure
    assert chainrule.grad(f)(1.2) == 8.2

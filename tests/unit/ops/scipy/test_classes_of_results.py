"""What SciPy returns as Python's float is one in a traced run: programs ask for the class."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, optimize, spatial

import chainrule as cr


def line(x: Any) -> Callable[[Any], Any]:
    return lambda z: z - x


FLOATS: dict[str, Callable[[Any], Any]] = {
    "quad": lambda x: integrate.quad(lambda z: z * x, 0, 1)[0],
    "dblquad": lambda x: integrate.dblquad(lambda y, z: z * x, 0, 1, 0, 1)[0],
    "nquad": lambda x: integrate.nquad(lambda z: z * x, [[0, 1]])[0],
    "brentq": lambda x: optimize.brentq(line(x), -9, 9),
    "brenth": lambda x: optimize.brenth(line(x), -9, 9),
    "bisect": lambda x: optimize.bisect(line(x), -9, 9),
    "ridder": lambda x: optimize.ridder(line(x), -9, 9.5),
    "toms748": lambda x: optimize.toms748(line(x), -9, 9.5),
    "newton": lambda x: optimize.newton(line(x), 1.0),
    "with its report": lambda x: optimize.brentq(line(x), -9, 9, full_output=True)[0],
    "euclidean": lambda x: spatial.distance.euclidean([x, 1.0], [0, 0]),
    "hausdorff": lambda x: spatial.distance.directed_hausdorff(
        np.array([[x, 1.0]]), np.zeros((1, 2)))[0],
    "nnls": lambda x: optimize.nnls(np.eye(2), np.array([x, -1.0]))[1],
    "norm of numpy": lambda x: np.linalg.norm(np.array([x, 1.0])),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FLOATS)
def test_the_class_is_that_of_a_plain_run(name: str) -> None:
    seen = []

    def f(x: Any) -> Any:
        found = FLOATS[name](x)
        seen.append(found.__class__)
        return found * 1.0

    f(2.0)
    cr.grad(f)(2.0)
    assert len(set(seen)) == 1

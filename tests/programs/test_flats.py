"""``y.flat`` is an iterator that remembers its place: programs that move it, against plain runs."""

import itertools
from typing import Any

import numpy as np
import pytest

import chainrule as cr

X = np.array([0.5, 0.7, 1.1, 1.9])
MADE = [
    "y = x.reshape({s}) * 1.0; f = y.flat",
    "y = np.zeros({s}); y[...] = x.reshape({s}); f = y.flat",
    "y = x.reshape({s}) * 1.0; f = y.flat; y[(0,) * y.ndim] = x[1]",  # it is then out of date
    "y = (x.reshape({s}) * 1.0).T; f = y.flat",
]
MOVED = """next(y.flat)
next(f) * next(f)
sum(f) + sum(f)
next(f) * f[2] * next(f)
(next(f), f.index)[1] * x[0]
f.coords[0] * x[0] + [next(f), f.coords][1][-1] * x[1]
sum(a * b for a, b in zip(f, f))
sum(list(itertools.islice(f, 2))) + next(f)
next(f) + np.sum(f) + np.asarray(f)[0]
[next(f), f.__setitem__(1, x[2])] and f[1] * next(f)
next(iter(f)) * next(f)
x[0] * len(list(f)) * len(list(f)) + x[1]
next(f) * next(y.flat) * (f.base is y)
next(f) * sum(f[:2]) * next(f)
x[0] * sum(1 for v in f) * f.index""".splitlines()


@pytest.mark.parametrize("shape", ["(2, 2)", "(4,)", "(1, 4)", "(2, 1, 2)"])
@pytest.mark.parametrize("made", MADE)
def test_moved(made: str, shape: str) -> None:
    for moved in MOVED:
        space: dict[str, Any] = {"np": np, "itertools": itertools}
        body = made.replace("{s}", shape).replace("; ", "\n    ")
        exec(f"def f_(x):\n    {body}\n    return {moved}", space)
        f = space["f_"]
        value, found = cr.value_and_grad(f)(X)
        assert value == pytest.approx(f(X.copy()), rel=1e-14), moved
        wanted = [(f(X + e) - f(X - e)) / 2e-6 for e in np.eye(4) * 1e-6]
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6, err_msg=moved)


def test_it_ends_and_is_forgotten() -> None:
    from chainrule.tracing import flats

    def f(x: Any) -> Any:
        it = x.flat
        first = next(it)
        assert [next(it), next(it), next(it)][-1] > 1
        with pytest.raises(StopIteration):
            next(it)
        return first * next(it, x[1])

    np.testing.assert_allclose(cr.grad(f)(X), [0.7, 0.5, 0, 0])
    assert not flats._places

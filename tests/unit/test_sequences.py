"""Law: what takes a list takes any class that NumPy reads as a sequence, traced or not."""

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
from scipy import stats
from tests.sequences import SEQUENCES, Own

import chainrule as cr

V = np.array([0.3, 1.2, -0.7, 2.1])


def _filled(s, x):
    y = np.zeros(3)
    y[1:] = s([x[0], x[1] ** 2])
    return y


def _added(s, x):
    y = np.copy(x)
    np.add.at(y, [s([0, 0, 2])], s([x[1], 2.0, x[3]]))
    return y


CALLS = {
    "array": lambda s, x: np.array(s([x[0], x[1] ** 2])),
    "nested": lambda s, x: np.array(s([s([x[0], 1.0]), s([2.0, x[1]])])),
    "rows": lambda s, x: np.asarray(s([x[:2], x[2:]])),
    "sum": lambda s, x: np.sum(s([x[0], x[1] ** 2])),
    "exp": lambda s, x: np.exp(s([x[0], x[1]])),
    "norm": lambda s, x: np.linalg.norm(s([x[0], x[1]])),
    "det": lambda s, x: np.linalg.det(s([s([x[0], x[1]]), s([x[2], x[3]])])),
    "solve": lambda s, x: np.linalg.solve(s([s([2.0, 1]), s([0, 3.0])]), s([x[0], x[1]])),
    "stack": lambda s, x: np.stack(s([x, x**2])),
    "concatenate": lambda s, x: np.concatenate(s([x, x**2])),
    "where": lambda s, x: np.where(s([True, False, True, False]), x, s([1.0, 2, x[0], 4])),
    "select": lambda s, x: np.select(list(s([x > 0, x <= 0])), list(s([x, x**2]))),
    "choose": lambda s, x: np.choose(x > 0, s([x * 2, x**2])),
    "operator": lambda s, x: np.multiply(s([1.0, x[0], x[1], 2.0]), x),
    "interp": lambda s, x: np.interp(0.5, s([0.0, 1.0]), s([x[0], x[1]])),
    "take": lambda s, x: np.take(x, s([0, 2])),
    "repeat": lambda s, x: np.repeat(x, s([1, 2, 0, 1])),
    "reshape": lambda s, x: np.reshape(x, s([2, 2])),
    "moveaxis": lambda s, x: np.moveaxis(x.reshape(2, 2), s([0]), s([1])),
    "transpose": lambda s, x: x.reshape(2, 2).transpose(s([1, 0])),
    "roll": lambda s, x: np.roll(x.reshape(2, 2), s([1, 0]), s([0, 1])),
    "insert": lambda s, x: np.insert(x, s([1, 2]), s([x[0], 5.0])),
    "delete": lambda s, x: np.delete(x, s([0, 2])),
    "median": lambda s, x: np.median(s(list(x))),
    "cov": lambda s, x: np.cov(s([x[:2], x[2:]])),
    "average": lambda s, x: np.average(s([x[0], x[1]]), weights=s([x[2] ** 2, x[3]])),
    "polyval": lambda s, x: np.polyval(s([x[0], 2.0]), x),
    "zeros_like": lambda s, x: np.zeros_like(s([x[0], x[1]])) + x[0],
    "store": _filled,
    "add.at": _added,
}
OF_DECLARED = {  # what SciPy and `math` are given is looked into where its class is a sequence's
    "fsum": lambda s, x: math.fsum(s([x[0], x[1] ** 2])),
    "toeplitz": lambda s, x: scipy.linalg.toeplitz(s([x[0], x[1]])),
    "lfilter": lambda s, x: scipy.signal.lfilter(s([x[0]]), s([1, 0.5]), s([x[1], x[2]])),
    "gmean": lambda s, x: stats.gmean(s([x[0], x[1] ** 2])),
}


CASES = [(name, f, kind) for name, f in CALLS.items() for kind in SEQUENCES]
CASES += [(n, f, kind) for n, f in OF_DECLARED.items() for kind in SEQUENCES if kind is not Own]


@pytest.mark.parametrize(("f", "kind"), [case[1:] for case in CASES],
                         ids=[f"{name}-{kind.__name__}" for name, _, kind in CASES])  # fmt: skip
def test_a_sequence_is_as_the_list(f, kind):
    wanted = cr.jacrev(lambda x: f(list, x))(V)
    assert np.array_equal(cr.jacrev(lambda x: f(kind, x))(V), wanted)
    assert np.allclose(cr.jacfwd(lambda x: f(kind, x))(V), wanted, rtol=1e-14)
    batch = np.stack([V, V[::-1]])
    assert np.allclose(
        cr.vmap(lambda x: f(kind, x))(batch), np.stack([f(list, x) for x in batch]), rtol=1e-14
    )


# --- sequences that NumPy is not given: a call is tried without doors -----------------------------

SEEN: list[int] = []


def _appends(params):
    SEEN.append(1)
    return np.sum(params) ** 2


def _prints(params):
    print(1)
    return np.sum(params) ** 2


def _catches(params):
    try:
        return np.sum(params) ** 2
    except Exception:
        return 5.0 * params[0]


def _any_number(*params):
    return np.sum(params) ** 2


def _counts():
    count = 0

    def f(params):
        nonlocal count
        count += 1
        SEEN.extend([count][:1])
        return np.sum(params) ** 2

    return f


def test_what_a_trial_would_do_is_done_once(capsys):
    for f in (_appends, _prints, _counts()):
        SEEN.clear()
        for calls in (1, 2):
            assert cr.grad(f)([1.0, 2.0]) == [6.0, 6.0]
            assert len(SEEN) == (0 if f is _prints else calls)
    assert capsys.readouterr().out == "1\n1\n"


def test_what_numpy_is_given_has_doors_the_second_time():
    for _ in range(2):
        assert cr.grad(_catches)([1.0, 2.0]) == [6.0, 6.0]
        assert cr.grad(_any_number, argnums=(0, 1))(1.0, 2.0) == (6.0, 6.0)
        assert cr.hessian(_any_number)(1.0, 2.0) == 2.0


def test_an_error_of_the_program_is_its_own():
    def f(params):
        if params[0] > 0:
            raise ValueError("too large")
        return params[0]

    with pytest.raises(ValueError, match="too large"):
        cr.grad(f)([1.0])


JOINED = {
    "concatenate": lambda x: np.concatenate(([0.0], [x[0]], [1.0])),
    "vstack": lambda x: np.vstack([[v, v**2] for v in x]),
    "hstack": lambda x: np.hstack([[v, v**2] for v in x]),
    "stack": lambda x: np.stack([[v, v**2] for v in x], axis=1),
    "column_stack": lambda x: np.column_stack(((x[0], 1.0), (x[1], x[2]))),
    "dstack": lambda x: np.dstack([[v, v**2] for v in x]),
    "beside an array": lambda x: np.vstack([[x[0], 1.0, 2.0], x]),
    "lists of lists": lambda x: np.vstack([[[x[0], 1.0], [x[1], 2.0]], [[x[2], 3.0], [1.0, 1.0]]]),
    "meshgrid": lambda x: np.multiply(*np.meshgrid([x[0], 1.0], [x[1], x[2]])),
    "einsum": lambda x: np.einsum("i,j->ij", [x[0], 1.0], [x[1], x[2]]),
    "broadcast_arrays": lambda x: np.stack(np.broadcast_arrays([x[0], 2.0], [[x[1]], [x[2]]])),
    "pad": lambda x: np.pad([x[0], x[1]], 1),
}


@pytest.mark.parametrize("name", JOINED)
def test_lists_of_numbers_stand_for_arrays(name):
    f, x = JOINED[name], np.array([0.7, 1.3, 2.4])
    np.testing.assert_array_equal(cr.vjp(f, x)[0], f(x), strict=True)
    cr.check_grads(f, (x,))

"""Right-hand sides as programs: as if they ran themselves."""

import contextlib
import functools
import math
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import odeint, solve_ivp

import chainrule
from chainrule.implicit import callbacks, ivp

METHODS = ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA", "odeint")
P = np.array([0.7, 0.4, 1.3])


def term(rng: Any, n: int) -> str:
    i, j = rng.integers(0, n, 2)
    k = rng.integers(0, 3)
    forms = (
        "p[{k}] * y[{i}]", "y[{i}] * y[{j}]", "np.sin(p[{k}] * t) * y[{i}]", "p[{k}] ** 2",
        "math.exp(-t) * y[{i}]", "np.tanh(y[{i}] - y[{j}])", "y[{i}] / (1.0 + y[{j}] ** 2)",
        "abs(y[{i}]) * p[{k}]", "(p @ W)[{k}] * y[{i}]", "math.sqrt(1.0 + y[{i}] ** 2)",
        "q * y[{i}]", "float(p[{k}]) * y[{j}]",
    )  # fmt: skip
    return forms[rng.integers(len(forms))].format(i=i, j=j, k=k)


def right_hand_side(rng: Any, n: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what makes, of parameters, a function f(t, y) as people write them."""
    rows = [f"-{rng.uniform(0.5, 2):.2f} * y[{i}] + 0.3 * ({term(rng, n)})" for i in range(n)]
    whole = "[" + ", ".join(rows) + "]"
    form = rng.integers(4)
    body = {
        0: f"return {whole}",
        1: f"return np.array({whole})",
        2: f"d = np.zeros({n})\n        "
        + "\n        ".join(f"d[{i}] = {row}" for i, row in enumerate(rows))
        + "\n        return d",
        3: f"return -y + 0.2 * np.sin(W[:{n}, :{n}] @ y) * p[0] + q * np.roll(y, 1)",
    }[int(form)]
    source = f"def make(p):\n    q = p[1] * p[2]\n    def f(t, y):\n        {body}\n    return f\n"
    file = folder / "equations.py"
    constants = rng.standard_normal((3, 3)).tolist()
    file.write_text(f"import math\nimport numpy as np\nW = np.array({constants})\n{source}")
    monkeypatch.syspath_prepend(str(folder))  # a module of the program's
    monkeypatch.delitem(sys.modules, "equations", raising=False)
    return import_module("equations").make, source


def solved(make: Any, method: str, start: Any) -> Any:
    def f(p: Any) -> Any:
        rhs = make(p)
        y0 = start + 0.1 * p[0]
        if method == "odeint":
            return odeint(rhs, y0, [0.0, 0.4, 1.0], tfirst=True, rtol=1e-9, atol=1e-11)[1:]
        found = solve_ivp(rhs, (0, 1), y0, method, [0.4, 1.0], rtol=1e-7, atol=1e-9)
        return found.y.T

    return f


@pytest.mark.seeds(6, 150)
@pytest.mark.parametrize("method", METHODS)
def test_programs_are_as_the_function(
    method: str, seed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the steps are taken again the derivatives are the same; else to the tolerance."""
    rng = np.random.default_rng([seed, METHODS.index(method)])
    n = int(rng.integers(1, 4))
    make, source = right_hand_side(rng, n, tmp_path, monkeypatch)
    f = solved(make, method, rng.uniform(0.2, 1.0, n))
    weights = rng.standard_normal((2, n))
    tangent = rng.standard_normal(3)
    value, gradient = chainrule.value_and_grad(lambda p: np.sum(weights * f(p)))(P)
    matrix = chainrule.jacrev(f)(P)
    again, moved = chainrule.jvp(f, (P,), (tangent,))
    with monkeypatch.context() as m:
        m.setattr(ivp, "taken", lambda *_: None)
        plain, wanted = chainrule.value_and_grad(lambda p: np.sum(weights * f(p)))(P)
    exact = method in ("RK23", "RK45", "DOP853", "Radau")
    rtol = 1e-9 if exact else 1e-4
    assert value == plain == np.sum(weights * f(P)), source
    np.testing.assert_allclose(gradient, wanted, rtol, rtol, err_msg=source)
    np.testing.assert_allclose(np.tensordot(weights, matrix, 2), gradient, 1e-10, 1e-10)
    np.testing.assert_array_equal(again, f(P))
    np.testing.assert_allclose(moved, matrix @ tangent, rtol, rtol, err_msg=source)


def counted(f: Any, *args: Any) -> int:
    """Count the programs that a gradient makes or finds."""
    found: list[Any] = []
    own = callbacks.taken

    def watch(*a: Any) -> Any:
        found.append(own(*a))
        return found[-1]

    ivp.taken = watch  # type: ignore[assignment]
    try:
        chainrule.grad(f)(*args)
    finally:
        ivp.taken = own
    return sum(v is not None for v in found)


def ends(rhs: Any, **kw: Any) -> Any:
    return solve_ivp(rhs, (0, 1), [1.0, 0.5], rtol=1e-8, atol=1e-10, **kw).y[:, -1].sum()


class Mode:
    value = 1.0


def test_what_is_a_program_and_what_is_none() -> None:
    box = [0]

    def counts(p: Any) -> Any:
        def rhs(t: Any, y: Any) -> Any:
            box[0] += 1
            return -p * y

        return ends(rhs)

    rng = np.random.default_rng(0)
    assert counted(lambda p: ends(lambda t, y: -p * y), 0.7) == 1
    assert counted(lambda p: ends(lambda t, y: -p * y if t < 0.5 else -2 * p * y), 0.7) == 0
    assert counted(lambda p: ends(lambda t, y: -p * np.where(y > 0.6, y, 0.6)), 0.7) == 0
    assert counted(lambda p: ends(lambda t, y: -p * y * np.floor(1.5 + t)), 0.7) == 0
    assert counted(lambda p: ends(lambda t, y: -p * y + 0 * rng.random()), 0.7) == 0
    assert counted(counts, 0.7) == 0
    plain, box[0] = counts(0.7), 0
    assert chainrule.value_and_grad(counts)(0.7)[0] == plain


@pytest.mark.filterwarnings("ignore::chainrule.errors.ImplicitWarning")
@pytest.mark.parametrize("method", ["RK45", "BDF", "LSODA"])
def test_an_event_that_changes_what_the_function_reads(method: str) -> None:
    def f(p: Any) -> Any:
        mode = Mode()

        def rhs(t: Any, y: Any) -> Any:
            return -p * mode.value * y

        def event(t: Any, y: Any) -> Any:
            if t > 0.5:
                mode.value = 2.0
            return y[0] - 100

        return ends(rhs, events=event, max_step=0.1, method=method)

    assert chainrule.value_and_grad(f)(0.7)[0] == f(0.7)


def test_slopes_that_are_infinite_where_nothing_flows() -> None:
    def f(p: Any, method: str) -> Any:
        def rhs(t: Any, y: Any) -> Any:
            return np.array([-p[0] * y[0], 0.0 * np.sqrt(y[1]) + p[1], y[2] * p[1]])

        found = solve_ivp(rhs, (0, 1), [1.0, 0.0, 1.0], method, rtol=1e-8, atol=1e-10)
        return found.y[[0, 2], -1].sum()

    want = np.array([-math.exp(-0.3), math.exp(0.5)])
    for method in METHODS[:-1]:
        np.testing.assert_allclose(chainrule.grad(f)(np.array([0.3, 0.5]), method), want, 1e-5)


def test_constants_of_a_program_are_compared_bit_for_bit() -> None:
    """Programs are kept by their operations: long arrays that print alike are not the same."""
    found = []
    weights = np.arange(4000.0)
    for at in (2000, 2001):
        W = np.zeros(4000)
        W[at] = 1.0

        def f(p: Any, W: Any = W) -> Any:
            return ends(lambda t, y: -p * np.sum(W * weights) * 1e-3 * y)

        found.append(chainrule.grad(f)(0.7))
        want = -2.0e-3 * at / 2 * 1.5 * math.exp(-0.7 * at * 1e-3)
        np.testing.assert_allclose(found[-1], want, rtol=1e-4)
    assert found[0] != found[1]


def caught(p: Any) -> Any:
    def rhs(t: Any, y: Any) -> Any:
        try:
            return -p * y * math.sqrt(t - 0.3)
        except ValueError:
            return 0.0 * y

    return rhs


def suppressed(p: Any) -> Any:
    def rhs(t: Any, y: Any) -> Any:
        slope = 0.0
        with contextlib.suppress(ValueError):
            slope = math.sqrt(t - 0.3)
        return -p * y * slope

    return rhs


def raised(p: Any) -> Any:
    def rhs(t: Any, y: Any) -> Any:
        try:
            with np.errstate(invalid="raise"):
                return -p * y * np.sqrt(t - 0.3)
        except FloatingPointError:
            return 0.0 * y

    return rhs


def written(p: Any) -> Any:
    return lambda t, y: -p * y * (1.0 if f"{t:.1f}" < "0.5" else 3.0)


def read(p: Any) -> Any:
    return lambda t, y: -p * y * int(f"{10 * t:.0f}")


def kept(p: Any) -> Any:
    known: dict[float, Any] = {}

    def h(t: float) -> Any:
        if t not in known:
            known[t] = np.sin(p * t)
        return known[t]

    return lambda t, y: -h(t) * y


def cached(p: Any) -> Any:
    h = functools.lru_cache(None)(lambda t: np.sin(p * t))
    return lambda t, y: -h(t) * y


class Buffer:
    def __init__(self, p: Any) -> None:
        self.p, self.work = p, np.empty(2)

    def __call__(self, t: Any, y: Any) -> Any:
        self.work[0], self.work[1] = self.p * y[1], -y[0]
        return self.work.copy()

    def rhs(self, t: Any, y: Any) -> Any:
        return self(t, y)


def filled(p: Any) -> Any:
    def rhs(t: Any, y: Any, work: Any = np.empty(2)) -> Any:  # noqa: B008
        work[0], work[1] = p * y[1], -y[0]
        return work.copy()

    return rhs


def method(p: Any) -> Any:
    return Buffer(p).rhs


JUMPING = (caught, suppressed, raised, written, read)
KEEPING = (kept, cached, Buffer, method, filled)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("solver", ["RK45", "BDF", "LSODA", "Radau", "odeint"])
@pytest.mark.parametrize("make", [*JUMPING, *KEEPING], ids=lambda f: f.__name__)
def test_what_decides_out_of_sight_and_what_is_kept(make: Any, solver: str) -> None:
    def f(p: Any) -> Any:
        if solver == "odeint":
            kw: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-11, "tfirst": True, "hmax": 0.02}
            return odeint(make(p), [1.0, 0.5], [0, 0.9], **kw)[-1].sum()
        kw = {"method": solver, "rtol": 1e-8, "atol": 1e-10, "max_step": 0.02}
        return solve_ivp(make(p), (0, 0.9), [1.0, 0.5], **kw).y[:, -1].sum()

    value, slope = chainrule.value_and_grad(f)(1.3)
    assert value == f(1.3)
    if (make, solver) == (read, "odeint"):
        return  # its steps over the jumps are others at every p
    h = 1e-3
    want = (8 * (f(1.3 + h) - f(1.3 - h)) - (f(1.3 + 2 * h) - f(1.3 - 2 * h))) / (12 * h)
    assert abs(slope - want) <= (1e-2 if make in JUMPING else 1e-4) * (1 + abs(want))

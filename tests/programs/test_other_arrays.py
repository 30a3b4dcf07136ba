"""Arrays of other libraries by protocol: Dask (lazy), and a stand-in for CuPy (not convertible)."""

from collections.abc import Callable, Iterator
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from dask.callbacks import Callback

import chainrule as cr
from chainrule import tree
from chainrule.errors import (
    ChainRuleError,
    InputTypeError,
    LostDerivativeError,
    UnsupportedFunctionError,
)

from .away import Away

RNG = np.random.default_rng(7)
X = RNG.normal(size=(12, 3))
Y = RNG.normal(size=12)
W = RNG.normal(size=3)
V = RNG.normal(size=(12, 3)) + 4.0  # positive
M = RNG.normal(size=(3, 4))


def lazy(x: Any) -> Any:
    """The array in chunks of 5 rows."""
    return da.from_array(x, chunks=(5, *x.shape[1:]))


def plain(x: Any) -> Any:
    return x.compute() if isinstance(x, da.Array) else x.get() if isinstance(x, Away) else x


class Executions(Callback):
    """Counts how often Dask computes anything."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def _start(self, dsk: Any) -> None:
        self.count += 1


@pytest.fixture
def executions() -> Iterator[Executions]:
    with dask.config.set(scheduler="synchronous"), Executions() as counted:
        yield counted


def softplus(z: Any) -> Any:
    return np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0)


def centred(x: Any) -> Any:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def windows(x: Any) -> Any:
    return x[1:, 1] * x[:-1, 0] + x[::2].sum() * x[3, 2]


PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "elementwise": (lambda x: np.sin(x) * np.exp(-(x**2)) + np.arctan(x) / (1 + x**2), (X,)),
    "powers": (lambda x: x**2.5 + np.sqrt(x) + np.log(x) + 1 / x + np.power(2.0, x), (V,)),
    "negation": (lambda x: -x + abs(x) - np.cos(+x), (X,)),
    "two arrays": (lambda x, y: x * y + x / y - np.arctan2(x, y) + np.hypot(x, y), (X, V)),
    "methods": (lambda x: x.sum() * x.mean() + x.T.reshape(-1)[2] + (x * x).max(), (X,)),
    "sums": (lambda x: np.sum(x, axis=0) * np.sum(x * x) + np.sum(x, axis=1, keepdims=True), (X,)),
    "means": (lambda x: np.mean(x * x, axis=0) + np.mean(x), (X,)),
    "spreads": (lambda x: np.var(x, axis=0) + np.std(x), (X,)),
    "extremes": (lambda x: np.max(x, axis=0) * np.min(x, axis=1)[:3], (X,)),
    "products": (lambda x: np.prod(x, axis=1), (X,)),
    "cumulative": (lambda x: np.cumsum(x, axis=0), (X,)),
    "standardised": (centred, (X,)),
    "matmul": (lambda x, w: x @ w, (X, W)),
    "matrices": (lambda x, m: np.tanh(x @ m), (X, M)),
    "dot": (lambda x, m: np.dot(x, m), (X, M)),
    "gram": (lambda x: x.T @ x, (X,)),
    "einsum": (lambda x, m: np.einsum("ij,jk->ik", x, m), (X, M)),
    "tensordot": (lambda x, m: np.tensordot(x, m, axes=1), (X, M)),
    "slices": (windows, (X,)),
    "ellipsis": (lambda x: x[..., 0] + x[:, None, 1].T, (X,)),
    "concatenate": (lambda x, y: np.concatenate([x, y * x], axis=0), (X, V)),
    "stack": (lambda x, y: np.stack([x, y, x * y], axis=1), (X, V)),
    "stacks of rows": (lambda x, y: np.vstack([x, y]) + np.hstack([x, y])[:1, 3:], (X, V)),
    "where": (lambda x: np.where(x > 0, x**2, np.sin(x)), (X,)),
    "choices": (lambda x, y: np.maximum(x, y - 4) + np.minimum(x, 0.3) + np.clip(x, -1, 1), (X, V)),
    "broadcasting": (lambda x, w: x * w + w[:, None][:, 0], (X, W)),
    "transposed": (lambda x: np.transpose(x)[1] * x.T[0], (X,)),
    "reshaped": (lambda x: np.reshape(x, (12, 3, 1))[..., 0] * np.ravel(x)[:3], (X,)),
    "outer": (lambda y, w: np.outer(y, w), (Y, W)),
    "expanded": (lambda y: np.expand_dims(y, 0) + np.squeeze(y[:, None]), (Y,)),
    "softplus": (softplus, (X,)),
    "logaddexp": (lambda x, y: np.logaddexp(x, y), (X, V)),
    "untaken branch": (lambda x: np.where(x > 0, np.sqrt(x), 0.0), (np.maximum(X, 0.0),)),
}  # fmt: skip
ORDER_2 = sorted(set(PROGRAMS) - {"untaken branch"})


def loss_of(f: Callable[..., Any]) -> Callable[..., Any]:
    def loss(*args: Any) -> Any:
        y = f(*args)
        return np.sum(np.sin(y) + 0.25 * y * y)

    return loss


def close(found: Any, expected: Any) -> None:
    assert np.shape(found) == np.shape(expected)
    assert found.dtype == expected.dtype
    with np.errstate(all="ignore"):  # Dask computes now, with the warnings of now
        found = plain(found)
    scale = np.max(np.abs(expected), initial=1.0)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13 * scale)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("kind", [lazy, Away])
class TestPrograms:
    def test_reverse(self, name: str, kind: Any, executions: Executions) -> None:
        f, args = PROGRAMS[name]
        loss, every = loss_of(f), tuple(range(len(args)))
        value, gradients = cr.value_and_grad(loss, every)(*args)
        others = tuple(map(kind, args))
        found_value, found = cr.value_and_grad(loss, every)(*others)
        assert executions.count == 0
        assert isinstance(found_value, type(others[0]))
        close(found_value, value)
        for g, expected in zip(found, gradients, strict=True):
            assert isinstance(g, type(others[0]))
            close(g, expected)

    def test_forward(self, name: str, kind: Any, executions: Executions) -> None:
        f, args = PROGRAMS[name]
        directions = tuple(np.cos(3 * a) for a in args)
        expected = cr.jvp(f, args, directions)
        found = cr.jvp(f, tuple(map(kind, args)), tuple(map(kind, directions)))
        assert executions.count == 0
        for part, wanted in zip(found, expected, strict=True):
            assert isinstance(part, type(kind(X)))
            close(part, wanted)

    def test_pullback(self, name: str, kind: Any, executions: Executions) -> None:
        f, args = PROGRAMS[name]
        out, pullback = cr.vjp(f, *args)
        other_out, other_pullback = cr.vjp(f, *map(kind, args))
        ct = np.cos(out)
        found = other_pullback(kind(ct) if ct.ndim else ct)
        assert executions.count == 0
        close(other_out, out)
        for g, expected in zip(found, pullback(ct), strict=True):
            close(g, expected)


@pytest.mark.parametrize("name", ORDER_2)
@pytest.mark.parametrize("kind", [lazy, Away])
def test_second_order(name: str, kind: Any, executions: Executions) -> None:
    f, (x, *rest) = PROGRAMS[name]
    loss, others, direction = loss_of(f), tuple(map(kind, rest)), np.cos(3 * x)
    expected = cr.hvp(lambda x: loss(x, *rest), x, direction)
    found = cr.hvp(lambda x: loss(x, *others), kind(x), kind(direction))
    assert executions.count == 0
    assert isinstance(found, type(kind(X)))
    close(found, expected)
    if kind is Away:  # reverse over reverse

        def slope(x: Any, *rest: Any) -> Any:
            return np.sum(cr.grad(loss)(x, *rest) ** 2)

        close(cr.grad(slope)(kind(x), *others), cr.grad(slope)(x, *rest))


# --- models: NumPy weights, Dask data ----------------------------------------------------------


def linear(w: Any, x: Any, y: Any) -> Any:
    return np.mean((x @ w["slope"] + w["level"] - y) ** 2) + 0.1 * np.sum(w["slope"] ** 2)


def logistic(w: Any, x: Any, y: Any) -> Any:
    z = x @ w["slope"] + w["level"]
    return np.mean(softplus(z) - y * z)


def perceptron(w: Any, x: Any, y: Any) -> Any:
    for matrix, bias in w[:-1]:
        x = np.tanh(x @ matrix + bias)
    matrix, bias = w[-1]
    return np.mean((np.dot(x, matrix)[:, 0] + bias - y) ** 2)


LINE = {"slope": W, "level": 0.3}
LAYERS = [(M, np.zeros(4)), (M.T @ M, np.ones(4) / 7), (M.T[:, :1], 0.1)]
MODELS = {"linear": (linear, LINE, Y), "logistic": (logistic, LINE, Y > 0),
          "perceptron": (perceptron, LAYERS, Y)}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
class TestModels:
    def test_weights_here_and_data_there(self, name: str, executions: Executions) -> None:
        model, weights, y = MODELS[name]
        value, gradient = cr.value_and_grad(model)(weights, X, y)
        found_value, found = cr.value_and_grad(model)(weights, lazy(X), lazy(y))
        leaves, expected = tree.flatten(found)[0], tree.flatten(gradient)[0]
        assert executions.count == 0
        assert all(isinstance(leaf, da.Array) for leaf in (found_value, *leaves))
        close(found_value, value)
        for leaf, wanted in zip(leaves, expected, strict=True):
            close(leaf, wanted)

    def test_against_differences(self, name: str) -> None:
        model, weights, y = MODELS[name]
        leaves, treedef = tree.flatten(weights)
        x, target = lazy(X), lazy(y)
        found = dask.compute(*tree.flatten(cr.grad(model)(weights, x, target))[0])
        direction = [
            np.cos(np.arange(np.size(leaf)) + 1.0).reshape(np.shape(leaf)) for leaf in leaves
        ]

        def moved(h: float) -> float:
            at = [leaf + h * d for leaf, d in zip(leaves, direction, strict=True)]
            return float(model(tree.unflatten(treedef, at), X, y))

        coarse, fine = ((moved(h) - moved(-h)) / (2 * h) for h in (2e-3, 1e-3))
        slope = (4 * fine - coarse) / 3
        total = sum(float(np.sum(g * d)) for g, d in zip(found, direction, strict=True))
        assert total == pytest.approx(slope, rel=1e-9)

    def test_forward(self, name: str, executions: Executions) -> None:
        model, weights, y = MODELS[name]
        run = lambda w, x, t: cr.jvp(lambda w: model(w, x, t), (w,), (w,))  # noqa: E731
        found = run(weights, lazy(X), lazy(y))
        assert executions.count == 0
        for part, expected in zip(found, run(weights, X, y), strict=True):
            close(part, expected)


def test_trained_on_a_cluster() -> None:
    from distributed import Client, LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False}
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "60s"}),
        LocalCluster(dashboard_address=None, **options) as cluster,
        Client(cluster) as client,
    ):
        x, y = lazy(X), lazy(Y)
        w, here = dict(LINE), dict(LINE)
        step = cr.value_and_grad(linear)
        for _ in range(3):
            value, gradient = client.compute(step(w, x, y), sync=True)
            here_value, here_gradient = step(here, X, Y)
            close(np.float64(value), here_value)
            w = {k: w[k] - 0.1 * gradient[k] for k in w}
            here = {k: here[k] - 0.1 * here_gradient[k] for k in here}
        assert all(np.allclose(w[k], here[k], rtol=1e-12) for k in w)
        assert len(client.scheduler_info()["workers"]) == 2


def test_each_chunk_is_loaded_once(executions: Executions) -> None:
    loaded = []

    @dask.delayed
    def load(k: int) -> Any:
        loaded.append(k)
        return X[4 * k : 4 * k + 4]

    x = da.concatenate([da.from_delayed(load(k), (4, 3), float) for k in range(3)])
    result = cr.value_and_grad(lambda w: np.sum(np.tanh(x @ w)))(W)
    assert (loaded, executions.count) == ([], 0)
    value, gradient = dask.compute(*result)
    assert sorted(loaded) == [0, 1, 2]
    expected = cr.value_and_grad(lambda w: np.sum(np.tanh(X @ w)))(W)
    close(value, expected[0])
    close(gradient, expected[1])


# --- what passes, and what is refused ----------------------------------------------------------


def test_chunks_stay(executions: Executions) -> None:
    g = cr.grad(lambda x: np.sum(np.sin(x) * 2.0))(lazy(X))
    assert g.chunks == lazy(X).chunks


def test_types_of_what_comes_out() -> None:
    x = lazy(X)
    (value, aux), g = cr.value_and_grad(lambda x: (np.sum(x), (x > 0, x * 2, np.sign(x), 3)), 0,
                                        has_aux=True)(x)  # fmt: skip
    assert [type(a) for a in (value, *aux, g)] == [da.Array] * 4 + [int, da.Array]
    close(g, np.ones((12, 3)))
    close(aux[0], X > 0)
    close(cr.grad(lambda x: np.sum(x > 0))(x), np.zeros((12, 3)))
    counted = cr.value_and_grad(lambda x: np.sum(x > 0))(x)[0]
    assert isinstance(counted, da.Array)
    assert counted.compute() == np.sum(X > 0)
    close(cr.grad(lambda w, x: np.sum(w), (0, 1))(W, x)[1], np.zeros((12, 3)))
    assert isinstance(cr.grad(lambda w, x: np.sum(w), 1)(W, x), da.Array)
    close(cr.grad(lambda x: np.sum(x * cr.stop_gradient(x)))(x), X)
    assert isinstance(cr.stop_gradient(x), da.Array)
    out, tangent = cr.jvp(lambda x: x > 0, (x,), (x,))
    assert isinstance(out, da.Array)
    close(tangent, np.zeros((12, 3)))
    assert cr.grad(lambda x: np.sum(x * x))(lazy(X.astype(np.float32))).dtype == np.float32
    assert cr.grad(lambda w: np.sum((x @ w) ** 2))(W.astype(np.float32)).dtype == np.float32


def test_a_constant_result(executions: Executions) -> None:
    x = lazy(X)
    value, g = cr.value_and_grad(lambda w: x.sum())(W)
    assert isinstance(value, da.Array)
    assert executions.count == 0
    close(g, np.zeros(3))


def test_is_an_array_of_its_own_class() -> None:
    seen = []

    def f(x: Any, w: Any) -> Any:
        seen.extend([isinstance(x, da.Array), isinstance(x, np.ndarray), isinstance(w, np.ndarray)])
        return np.sum(x @ w)

    cr.grad(f, (0, 1))(lazy(X), W)
    assert seen == [True, False, True]


def test_complex() -> None:
    z = X + 1j * V
    f = lambda z: np.sum(np.abs(z) ** 2) + np.real(np.sum(z * z))  # noqa: E731
    expected = cr.grad(f)(z)
    for kind in (lazy, Away):
        close(cr.grad(f)(kind(z)), expected)


def test_jacobians() -> None:
    f = lambda y: np.cumsum(y) * np.sin(y[:1])  # noqa: E731
    for mode in ("rev", "fwd"):
        expected = cr.jacobian(f, mode=mode)(Y[:4])
        close(cr.jacobian(f, mode=mode)(lazy(Y[:4])), expected)
        close(cr.jacobian(f, mode=mode)(Away(Y[:4])), expected)
    _, push = cr.linearize(f, lazy(Y))
    close(push(lazy(Y)), cr.linearize(f, Y)[1](Y))


def test_scipy_special() -> None:
    from scipy import special

    f = lambda x: np.sum(special.erf(x) * special.expit(x) + special.gammaln(x * x + 1))  # noqa: E731
    close(cr.grad(f)(lazy(X)), cr.grad(f)(X))
    close(cr.grad(f)(Away(X)), cr.grad(f)(X))


def test_inputs_are_kept_as_they_were() -> None:
    for kind in (lazy, Away):
        x, c = kind(X.copy()), kind(V.copy())
        _, pullback = cr.vjp(lambda x, c=c: np.sum(x * x * c), x)
        x[0] = 0.0
        c[1] = 0.0
        close(pullback(1.0)[0], 2 * X * V)
    x = Away(X.copy())
    y, pullback = cr.vjp(lambda x: x * x.T.T, x)
    y[...] = 0.0
    g = pullback(Away(np.ones((12, 3))))[0]
    g[...] = 0.0
    close(pullback(Away(np.ones((12, 3))))[0], 2 * X)
    a, b = cr.grad(lambda a, b: np.sum(a + b), (0, 1))(Away(X), Away(X))
    assert not np.may_share_memory(a.data, b.data)
    a[...] = 0.0
    close(b, np.ones((12, 3)))


def test_control_flow_does_what_the_library_does(executions: Executions) -> None:
    def f(x: Any) -> Any:
        if x.sum() > 0 and np.any(x > 1):
            return np.sum(x**2)
        return np.sum(x)

    g = cr.grad(f)(lazy(V))
    assert executions.count == 2  # one `if`, two questions, as without tracing
    close(g, 2 * V)
    close(cr.grad(f)(Away(V)), 2 * V)


def test_float_of_a_constant() -> None:
    f = lambda x: np.sum(x) * float(np.sum(x > 0))  # noqa: E731
    close(cr.grad(f)(lazy(V)), np.full((12, 3), 36.0))


def refused(kind: type[Exception], *words: str) -> Any:
    return pytest.raises(kind, match="(?s)" + ".*".join(words))


class TestRefused:
    def test_a_function_that_dask_lacks(self, executions: Executions) -> None:
        with refused(UnsupportedFunctionError, "dask Array does not compute np.", "cure"):
            cr.grad(lambda x: np.sum(np.sort(x, axis=0)))(lazy(X))
        with refused(UnsupportedFunctionError, "dask Array"):
            cr.grad(lambda x: np.sum(np.linalg.eigvalsh(x.T @ x)))(lazy(X))
        with refused(UnsupportedFunctionError, "dask Array"):
            cr.grad(lambda x: np.linalg.det(x.T @ x))(lazy(X))
        assert executions.count == 0

    def test_a_function_that_the_class_lacks(self) -> None:
        with refused(UnsupportedFunctionError, "tests Away does not compute np.diagonal"):
            cr.grad(lambda x: np.trace(x.T @ x))(Away(X))

    def test_plain_arrays_among_others(self) -> None:
        with refused(UnsupportedFunctionError, "tests Away does not compute np.multiply"):
            cr.grad(lambda x: np.sum(x * X))(Away(X))

    def test_unknown_shapes(self, executions: Executions) -> None:
        x = lazy(X)
        with refused(InputTypeError, "unknown shape", "compute_chunk_sizes"):
            cr.grad(np.sum)(x[x[:, 0] > 0])
        with refused(InputTypeError, "unknown shape", "np.where"):
            cr.grad(lambda x: np.sum(x[x > 0]))(x)
        rows = x[x[:, 0] > 0]
        with refused(InputTypeError, "unknown shape"):
            cr.grad(lambda w: np.sum(rows @ w))(W)
        assert executions.count == 0

    @pytest.mark.parametrize("kind", [lazy, Away])
    def test_stores(self, kind: Any) -> None:
        def element(x: Any) -> Any:
            x[0] = 1.0
            return np.sum(x)

        def filled(x: Any) -> Any:
            y = np.zeros_like(x)
            y[0] = x[1]
            return np.sum(y)

        def into_plain(x: Any) -> Any:
            y = np.zeros(12)
            y[0] = x[1, 1]
            return np.sum(y)

        for f in (element, filled, into_plain):
            with pytest.raises(ChainRuleError):
                cr.grad(f)(kind(X))

    def test_augmented_assignment(self) -> None:
        def f(x: Any) -> Any:
            y = x
            y += x
            return np.sum(x * y)

        close(cr.grad(f)(lazy(X)), 4 * X)  # Dask's `y += x` makes a new array
        with refused(UnsupportedFunctionError, "__iadd__", "tests Away", "y = y"):
            cr.grad(f)(Away(X))

    def test_integers_and_containers_without_numbers(self) -> None:
        with refused(InputTypeError, "int64", "astype"):
            cr.grad(np.sum)(lazy(np.arange(4)))

    def test_a_traced_value_in_a_task_graph(self, executions: Executions) -> None:
        x = lazy(X)
        for f in (lambda w: da.dot(x, w).sum(), lambda w: x.dot(w).sum(),
                  lambda w: x.map_blocks(lambda b, w: b * w, w).sum(),
                  lambda w: da.from_array(w).sum()):  # fmt: skip
            with refused(LostDerivativeError, "task graph of Dask", "x|data"):
                cr.grad(f)(W)
        assert executions.count == 0

    def test_conversion(self, executions: Executions) -> None:
        for kind in (lazy, Away):  # `float` keeps what is traced
            g = cr.grad(lambda x: np.sum(x) * float(np.sum(x)))(kind(X))
            assert executions.count == 0
            close(g, np.full((12, 3), 2 * np.sum(X)))
            executions.count = 0
        with pytest.raises(TypeError, match="implicit conversion"):  # of the class itself
            cr.grad(lambda w: np.sum(w) * np.asarray(Away(X)))(W)
        assert executions.count == 0

    def test_batches_explanations_and_solvers(self, executions: Executions) -> None:
        with pytest.raises(ChainRuleError):
            cr.vmap(np.sin)(lazy(X))
        with pytest.raises(ChainRuleError):
            cr.explain(lambda x: np.sum(x * x), lazy(X)).text()
        assert executions.count == 0

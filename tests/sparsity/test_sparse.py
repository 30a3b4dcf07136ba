"""Sparse derivatives as users meet them: forms, changes of the pattern, bad input."""

import dataclasses
import pickle
import threading
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import integrate, ndimage, optimize, signal, sparse

import chainrule
from chainrule import errors
from chainrule.modes import pattern as detection
from chainrule.sparsity import colouring
from chainrule.sparsity.derivative import SparseDerivative

x4 = np.array([0.5, -1.0, 2.0, 1.5])


def same(f: Any, x: Any, **options: Any) -> Any:
    """Compare a sparse Jacobian with the dense one; return it."""
    found = chainrule.jacobian(f, sparse=True, **options)(x)
    assert type(found) is sparse.csr_array
    expected = chainrule.jacobian(f)(x)
    np.testing.assert_allclose(found.toarray(), np.reshape(expected, found.shape), 1e-12, 1e-12)
    return found


def softer(y: Any, x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# --- what a pattern is ----------------------------------------------------------------------------

MATRIX = sparse.random_array((40, 30), density=0.1, rng=np.random.default_rng(1), format="csr")
PATTERNS = {  # each with how many entries there are
    "elementwise": (lambda x: np.sin(x) * x, 30, 30),
    "zero by its value": (lambda x: (x - x) * x**2, 30, 30),
    "constant": (lambda x: np.floor(x) + np.sign(x), 30, 0),
    "stopped": (lambda x: chainrule.stop_gradient(x) ** 2 + x[::-1], 30, 30),
    "rows merged": (lambda x: x.reshape(5, 6).sum(axis=1), 30, 30),
    "rows repeated": (lambda x: x.reshape(5, 6) - x.reshape(5, 6).mean(axis=1)[:, None], 30, 180),
    "stencil": (lambda x: np.roll(x, 1) - 2 * x + np.roll(x, -1), 30, 90),
    "differences": (np.diff, 30, 58),
    "stores": (lambda x: _stored(x), 30, 44),
    "plain matrix": (lambda x: np.where(MATRIX.toarray() != 0, 2.0, 0.0) @ x, 30, MATRIX.nnz),
    "matrix of integers": (lambda x: (MATRIX.toarray() != 0).astype(int) @ x, 30, MATRIX.nnz),
    "matrix in einsum": (lambda x: np.einsum("ij,j->i", MATRIX.toarray(), x), 30, MATRIX.nnz),
    "sparse matrix": (lambda x: MATRIX @ x, 30, MATRIX.nnz),
    "sparse matrix of columns": (lambda x: MATRIX @ np.stack([x, x**2], 1), 30, 2 * MATRIX.nnz),
    "mask of floats": (lambda x: x * np.where(np.arange(30) % 3, 0.0, 2.0), 30, 10),
    "running sum": (np.cumsum, 30, 465),
    "running sums": (lambda x: np.cumsum(x.reshape(5, 6), axis=1), 30, 105),
    "convolution": (lambda x: np.convolve(x, [1.0, 0.0, 2.0], "same"), 30, 58),
    "filter": (lambda x: ndimage.laplace(x.reshape(5, 6)), 30, 128),
    "recursive filter": (lambda x: signal.lfilter([1.0], [1.0, 0.5], x), 30, 465),
    "largest of rows": (lambda x: np.max(x.reshape(5, 6), axis=1), 30, 30),
    "sorted": (lambda x: np.sort(x), 30, 30),
    "systems": (lambda x: np.linalg.solve(np.eye(3) + 1.0, x.reshape(10, 3, 1)), 30, 90),
    "triangle": (lambda x: np.tril(x.reshape(5, 6)), 30, 15),
    "where": (lambda x: np.where(x > 0, x, x[::-1]), 30, 60),
    "maximum": (lambda x: np.maximum(x, x[::-1]), 30, 60),
}


def _stored(x: Any) -> Any:
    out = np.zeros_like(x)
    out[:15] = x[15:] * x[:15]
    for i in range(15, 29):
        out[i] = np.sin(x[i])
    return out


@pytest.mark.parametrize("name", PATTERNS)
def test_the_pattern_is_as_tight_as_the_operation(name: str) -> None:
    f, n, count = PATTERNS[name]
    x = np.random.default_rng(0).normal(size=n)
    assert same(f, x).nnz == count
    assert chainrule.jac_sparsity(f)(x).nnz == (900 if name == "sorted" else count)


def test_a_large_operation_is_probed_in_blocks() -> None:
    """One product for each number of the argument would be 20,000; here they are some dozens."""
    n, calls = 20_000, 0

    def counted(data: Any) -> Any:
        nonlocal calls
        calls += len(data)
        return ndimage.gaussian_filter1d(data, 1.0, axis=1)

    ends, links = detection.probed(counted, n, n, np.random.default_rng(0))
    assert len(ends) == n + 1
    assert links.nnz == 9 * n - 20
    assert calls < 1000


def test_custom_rules_are_followed() -> None:
    soft = chainrule.custom_rule(lambda x: np.log1p(np.exp(x)), partial=softer)
    assert same(lambda x: soft(x) * x[::-1], x4).nnz == 8
    turned = chainrule.custom_rule(
        lambda x: x[::-1] ** 2, jvp=lambda t, y, x: 2 * x[::-1] * t[0][::-1]
    )
    J = chainrule.jacobian(lambda x: turned(x) + x, sparse=True)
    for k in range(3):
        np.testing.assert_allclose(J(x4 + k).toarray(), chainrule.jacobian(J.function)(x4 + k))
    assert J.pattern.nnz == 8
    order = chainrule.custom_rule(np.sort, jvp=lambda t, y, x: t[0][np.argsort(x)])
    assert same(order, x4).nnz == 16  # what a rule computes from values may be anything
    back = chainrule.custom_rule(lambda x: 2 * x, vjp=lambda ct, y, x: (2 * ct,))
    assert same(lambda x: back(x) ** 2, x4).nnz == 16  # of a rule from that end nothing is known


# --- forms ----------------------------------------------------------------------------------------


def test_arguments_of_any_shape_are_numbered_one_after_the_other() -> None:
    a = np.arange(6.0).reshape(2, 3)
    assert same(lambda a: a.T @ a, a).shape == (9, 6)
    assert same(lambda a: a**2, 3.0).shape == (1, 1)
    assert same(lambda a: a, a).shape == (6, 6)
    assert same(lambda a: np.ones(2), a).nnz == 0
    assert same(lambda a: a * 2, np.zeros(0)).shape == (0, 0)
    assert same(lambda a: a[:0], x4).shape == (0, 4)
    assert same(lambda a: a**2, np.arange(3)).shape == (3, 3)  # integers, as in jacobian
    small = chainrule.jacobian(lambda a: a**2, sparse=True)(x4.astype(np.float32))
    assert small.dtype == np.float32


def test_containers_give_a_matrix_for_each_pair() -> None:
    def f(p: Any) -> Any:
        return {"a": p["x"] ** 2, "b": np.sum(p["y"]) * p["x"][0]}

    point = {"x": np.arange(3.0), "y": np.ones(2)}
    found, expected = chainrule.jacobian(f, sparse=True)(point), chainrule.jacobian(f)(point)
    for out in ("a", "b"):
        for name in ("x", "y"):
            block = found[out][name].toarray()
            np.testing.assert_allclose(block, np.reshape(expected[out][name], block.shape))

    def h(a: Any, b: Any) -> Any:
        return np.sum(a[1:] * b**2)

    two = chainrule.hessian(h, argnums=(0, 1), sparse=True)(np.arange(3.0), np.array([5.0, 6.0]))
    whole = chainrule.hessian(h, argnums=(0, 1))(np.arange(3.0), np.array([5.0, 6.0]))
    for i in (0, 1):
        for j in (0, 1):
            np.testing.assert_allclose(two[i][j].toarray(), whole[i][j])


@pytest.mark.parametrize("mode", ["auto", "fwd", "rev"])
@pytest.mark.parametrize("chunk", [None, 1, 2])
def test_modes_and_chunks(mode: str, chunk: int | None) -> None:
    def f(x: Any) -> Any:
        return np.concatenate([[np.sum(x**2)], x[1:] * x[0]])

    same(f, np.arange(1.0, 9.0), mode=mode, chunk=chunk)


def test_a_hessian_that_the_rules_do_not_make_symmetric_is_taken_whole() -> None:
    odd = chainrule.custom_rule(
        lambda x: x[0] * x[1],
        jvp=lambda t, y, x: x[1] * t[0][0] + chainrule.stop_gradient(x[0]) * t[0][1],
        check=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = chainrule.hessian(odd)(x4[:2])
        assert expected[0, 1] != expected[1, 0]
        found = chainrule.hessian(odd, sparse=True)(x4[:2])
    np.testing.assert_array_equal(found.toarray(), expected)


def test_rounding_of_a_substitution_is_no_doubt() -> None:
    H = chainrule.hessian(lambda x: np.sum(np.maximum(x, 0) ** 2 * np.roll(x, 1)), sparse="acyclic")
    x = np.random.default_rng(1).normal(size=1000)
    found = H(x).toarray()
    np.testing.assert_allclose(found, chainrule.hessian(H.function)(x), 1e-12, 1e-12)
    assert H.colours.kind == "acyclic"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_kinks_and_infinities_are_those_of_the_dense_matrix() -> None:
    x = np.array([0.0, 1.0, 2.0])
    for f in (lambda x: np.sqrt(x) * x, np.sqrt, lambda x: np.abs(x) * x[::-1], np.abs,
              lambda x: np.where(x > 0, np.sqrt(x), 0), lambda x: x * np.log(x)):  # fmt: skip
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            same(f, x)
    for g in (lambda x: np.sum(np.abs(x) * x), lambda x: np.sum(np.abs(x) ** 3),
              lambda x: np.sum(np.abs(x) ** 3 * (np.roll(x, 1) if x[0] > 0 else 1.0))):  # fmt: skip
        found = chainrule.hessian(g, sparse=True)(x).toarray()
        np.testing.assert_allclose(found, chainrule.hessian(g)(x))


def test_a_value_that_is_nan_is_told() -> None:
    def f(x: Any) -> Any:
        return np.where(x < 0, np.nan, 1.0) + x

    with pytest.warns(errors.IndeterminateWarning, match="the value is NaN"):
        chainrule.jacobian(f, sparse=True)(x4)


# --- once, and then often -------------------------------------------------------------------------


@pytest.fixture
def counts(monkeypatch: Any) -> dict[str, int]:
    """Count how often a pattern is found, and coloured."""
    from chainrule.sparsity import plan

    seen = {"found": 0, "coloured": 0}

    def counting(name: str, function: Any) -> Any:
        def counted(*args: Any) -> Any:
            seen[name] += 1
            return function(*args)

        return counted

    monkeypatch.setattr(plan, "pattern", counting("found", detection.pattern))
    monkeypatch.setattr(plan, "colour_jacobian", counting("coloured", colouring.colour_jacobian))
    return seen


def test_a_second_point_finds_and_colours_nothing(counts: Any) -> None:
    J = chainrule.jacobian(lambda x: x * np.roll(x, 1) * MATRIX[:, 0].sum(), sparse=True)
    for k in range(4):
        J(x4 + k)
    assert counts == {"found": 1, "coloured": 1}
    J(np.ones(7))
    assert counts == {"found": 2, "coloured": 2}


CHANGING = {  # functions whose pattern hangs on the values
    "branch": lambda x: x * x[::-1] if x[0] > 0 else x**2,
    "index": lambda x: x[np.argsort(x)],
    "computed place": lambda x: x * x[int(x[0] * 3) % 4],
    "mask": lambda x: np.concatenate([x[x > 0], x[x <= 0]]) * x,
    "float mask": lambda x: x * np.where(x > 0, 1.0, 0.0) + np.roll(x, 1),
    "matrix": lambda x: np.where(np.outer(x, x) > 0, 1.0, 0.0) @ x,
    "store": lambda x: _store_at(x, int(abs(x[1]) * 5) % 4),
    "loop": lambda x: _halved(x),
}


def _store_at(x: Any, k: int) -> Any:
    out = x.copy()
    out[k] = x[0]
    return out


def _halved(x: Any) -> Any:
    y = x
    while y[0] > 0.3:
        y = y * np.roll(y, 1) * 0.5
    return y


@pytest.mark.parametrize("name", CHANGING)
def test_a_pattern_that_changes_is_noticed(name: str) -> None:
    f = CHANGING[name]
    J = chainrule.jacobian(f, sparse=True)
    rng = np.random.default_rng(0)
    for _ in range(12):
        x = rng.normal(size=4)
        np.testing.assert_allclose(J(x).toarray(), chainrule.jacobian(f)(x), 1e-12, 1e-12)
        assert not np.any((chainrule.jacobian(f)(x) != 0) & ~J.pattern.toarray())


@pytest.mark.parametrize("name", ["index", "mask", "float mask", "matrix"])
def test_a_pattern_for_scipy_holds_at_other_points(name: str) -> None:
    f, rng = CHANGING[name], np.random.default_rng(0)
    pattern = chainrule.jac_sparsity(f)(x4).toarray()
    for x in rng.normal(size=(20, 4)):
        assert not np.any((chainrule.jacobian(f)(x) != 0) & ~pattern)


def test_what_was_met_before_is_not_found_again(counts: Any) -> None:
    J = chainrule.jacobian(CHANGING["branch"], sparse=True)
    for k in range(6):
        J(x4 * (-1) ** k)
    assert counts["found"] == 2


def test_a_mask_that_changes_is_found_anew_once(counts: Any) -> None:
    J = chainrule.jacobian(CHANGING["float mask"], sparse=True)
    rng = np.random.default_rng(0)
    for _ in range(10):
        J(rng.normal(size=4))
    assert counts["found"] == 2


def test_a_pattern_that_is_new_at_each_call_does_not_grow_for_ever() -> None:
    J = chainrule.jacobian(lambda x: x[np.argsort(x)] ** 2, sparse=True)
    rng = np.random.default_rng(0)
    for _ in range(40):
        x = rng.normal(size=30)
        np.testing.assert_array_equal(J(x).toarray(), chainrule.jacobian(J.function)(x))
        assert J.pattern.nnz <= 120


def test_constants_of_the_program_may_change() -> None:
    table = np.eye(4)
    J = chainrule.jacobian(lambda x: table @ x, sparse=True)
    assert J(x4).nnz == 4
    table[0, 3] = 1.0
    np.testing.assert_array_equal(J(x4).toarray(), table)
    held = sparse.csr_array(np.eye(4))
    L = chainrule.jacobian(lambda x: held @ x, sparse=True)
    L(x4)
    held.indices[0] = 3
    np.testing.assert_array_equal(L(x4).toarray(), held.toarray())
    K = chainrule.jacobian(lambda x: held @ x, sparse=True)
    K(x4)
    held = sparse.csr_array(np.tri(4))
    np.testing.assert_array_equal(K(x4).toarray(), np.tri(4))


def test_a_wrong_pattern_of_ours_would_be_noticed(monkeypatch: Any) -> None:
    """The product with a random vector is a check of its own."""
    from chainrule.sparsity import plan

    def narrow(graph: Any, wide: Any) -> Any:
        found = detection.pattern(graph, wide)
        found.matrix = sparse.eye_array(4, dtype=bool, format="csr")
        return found

    monkeypatch.setattr(plan, "pattern", narrow)
    with pytest.raises(errors.SparsityError, match=r"lacks the entry \(\d, \d\)"):
        chainrule.jacobian(lambda x: x * np.roll(x, 1), sparse=True)(x4)


def test_a_wrong_colouring_of_ours_would_be_noticed(monkeypatch: Any) -> None:
    from chainrule.sparsity import plan

    def shifted(matrix: Any, how: str) -> Any:
        found = colouring.colour_jacobian(matrix, how)
        return dataclasses.replace(found, places=np.roll(found.places, 1))

    monkeypatch.setattr(plan, "colour_jacobian", shifted)
    with pytest.raises(errors.SparsityError, match="does not agree"):
        chainrule.jacobian(lambda x: x * np.roll(x, 1), sparse=True)(x4)


def test_what_rounding_leaves_of_terms_that_cancel_is_no_fault() -> None:
    """The deviation of (a, a, b) is linear in a and b: both ways leave another 1e-17 of it."""
    rng = np.random.default_rng(0)
    for how in (True, "acyclic"):
        H = chainrule.hessian(lambda x: np.std(x[[0, 0, 1]]), sparse=how)
        for _ in range(20):
            assert abs(H(rng.normal(size=2))).max() < 1e-14


def test_threads_share_one_derivative() -> None:
    J = chainrule.jacobian(lambda x: x * np.roll(x, 1) if x[0] > 0 else x**2, sparse=True)
    wrong: list[Any] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(20):
            x = rng.normal(size=6)
            expected = np.diag(np.roll(x, 1)) + np.roll(np.diag(np.roll(x, -1)), 1, 0)
            expected = expected if x[0] > 0 else np.diag(2 * x)
            if not np.allclose(J(x).toarray(), expected):
                wrong.append(x)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_results_are_the_callers_own() -> None:
    J = chainrule.jacobian(lambda x: x * np.roll(x, 1), sparse=True)
    first = J(x4)
    first.indices[:] = 0
    first.data[:] = 0
    np.testing.assert_allclose(J(x4).toarray(), chainrule.jacobian(J.function)(x4))
    J.pattern.data[:] = False
    assert J.pattern.toarray().any()


def squares(x: Any) -> Any:
    return x**2


def test_it_pickles() -> None:
    J = chainrule.jacobian(squares, sparse=True)
    J(x4)
    again = pickle.loads(pickle.dumps(J))
    assert type(again) is SparseDerivative
    np.testing.assert_array_equal(again(x4).toarray(), np.diag(2 * x4))


def test_the_prepared_is_told() -> None:
    J = chainrule.jacobian(lambda x: x * np.roll(x, 1), sparse=True).prepare(np.ones(6))
    assert J.pattern.nnz == 12
    assert J.colours.count == 2
    assert J.colours.columns.tolist() == [0, 1, 0, 1, 0, 1]


def test_jit_goes_on_without_a_recording() -> None:
    J = chainrule.jacobian(lambda x: x * np.roll(x, 1), sparse=True)
    fast = chainrule.jit(lambda x: J(x) @ x)
    fast(x4)
    with pytest.warns(errors.EagerWarning, match="sparse derivative"):
        fast(x4)
    np.testing.assert_allclose(fast(x4), J(x4) @ x4)


def test_checked_runs_the_function_beside_it() -> None:
    with chainrule.checked():
        same(lambda x: x * np.roll(x, 1), x4)


# --- patterns given -------------------------------------------------------------------------------


def test_a_pattern_that_is_given_is_used() -> None:
    f = CHANGING["branch"]
    J = chainrule.jacobian(f, sparse=np.ones((4, 4)))
    np.testing.assert_array_equal(J(x4).toarray(), chainrule.jacobian(f)(x4))
    assert J.pattern.nnz == 16
    H = chainrule.hessian(lambda x: np.sum(x**3), sparse=sparse.eye_array(4))
    assert H(x4).nnz == 4
    own = sparse.csr_array((np.zeros(5), np.array([3, 0, 1, 2, 3]), [0, 2, 3, 4, 5]), shape=(4, 4))
    before = own.indices.copy()
    assert chainrule.jacobian(lambda x: x**2, sparse=own)(x4).nnz == 5
    np.testing.assert_array_equal(own.indices, before)


@pytest.mark.parametrize("size", [1.0, 1e-6, 1e6])
def test_a_pattern_that_lacks_an_entry_is_refused(size: float) -> None:
    def f(x: Any) -> Any:
        return x**2 + size * np.roll(x, 1)

    J = chainrule.jacobian(f, sparse=np.eye(4))
    with pytest.raises(errors.SparsityError, match=r"entry \(0, 3\).*depends on x\[3\]"):
        J(x4)
    with pytest.raises(errors.SparsityError, match="H"):
        chainrule.hessian(lambda xH: np.sum(xH * np.roll(xH, 1)), sparse=np.eye(4))(x4)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: chainrule.jacobian(lambda x: x * 1j, sparse=True)(x4),
         errors.OutputTypeError, "returned complex"),
        (lambda: chainrule.jacobian(lambda x: x, sparse=True)(x4 * 1j),
         errors.InputTypeError, "x is complex"),
        (lambda: chainrule.jacobian(lambda x: None, sparse=True)(x4),
         errors.OutputTypeError, "returned None"),
        (lambda: chainrule.jacobian(lambda x: x, sparse=True)("s"), errors.InputTypeError, "str"),
        (lambda: chainrule.hessian(lambda x: x, sparse=True)(x4),
         errors.NonScalarOutputError, "scalar"),
        (lambda: chainrule.jacobian(lambda x: x, sparse=3), errors.ArgnumsError, "no pattern"),
        (lambda: chainrule.jacobian(lambda x: x, sparse="star"), errors.ArgnumsError, "no pattern"),
        (lambda: chainrule.hessian(lambda x: x, sparse="rows"), errors.ArgnumsError, "unknown"),
        (lambda: chainrule.jacobian(lambda x: x, sparse=np.eye(3))(x4),
         errors.StructureError, r"\(3, 3\); the matrix has \(4, 4\)"),
        (lambda: chainrule.jacobian(lambda x: x, sparse=True).pattern,
         errors.UsageError, "met no point"),
        (lambda: chainrule.hessian(lambda x: x, sparse=True, chunk=0),
         errors.ArgnumsError, "chunk"),
        (lambda: chainrule.jacobian(lambda x: x, mode="x", sparse=True),
         errors.ArgnumsError, "mode"),
        (lambda: chainrule.jac_sparsity(lambda x: x)(x4 * 1j), errors.InputTypeError, "complex"),
        (lambda: chainrule.jac_sparsity(lambda x: x * x.sum())(np.ones(20_000)),
         errors.MatrixSizeError, "400,000,000 entries"),
        (lambda: chainrule.grad(
            lambda x: chainrule.jacobian(lambda y: y * y, sparse=True)(x).sum())(x4),
         errors.UsageError, "function that is itself differentiated"),
        (lambda: chainrule.vmap(
            lambda x: chainrule.jacobian(lambda y: y * y, sparse=True)(x).sum())(np.ones((2, 3))),
         errors.UsageError, "differentiated, mapped"),
        (lambda: chainrule.grad(
            lambda x: chainrule.jacobian(lambda y: y * x, sparse=True)(np.ones(4)).sum())(x4),
         errors.UsageError, "function that is itself differentiated"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        call()
    assert "test_sparse.py" in str(caught.value)
    assert "chainrule/sparsity" not in str(caught.value)


# --- SciPy ----------------------------------------------------------------------------------------


def broyden(x: Any) -> Any:
    f = (3 - x) * x + 1
    f[1:] -= x[:-1]
    f[:-1] -= 2 * x[1:]
    return f


def test_scipy_takes_the_pattern() -> None:
    x = -np.ones(50)
    found = optimize.least_squares(broyden, x, jac_sparsity=chainrule.jac_sparsity(broyden)(x))
    assert found.cost < 1e-12

    def heat(t: float, y: Any) -> Any:
        return np.convolve(y, [1.0, -2.0, 1.0], "same") * 100

    pattern = chainrule.jac_sparsity(heat, argnums=1)(0.0, x)
    assert integrate.solve_ivp(heat, (0, 1), x, method="BDF", jac_sparsity=pattern).success


def test_scipy_takes_the_matrix() -> None:
    from chainrule.scipy import least_squares, minimize, solve_ivp

    x = -np.ones(50)
    for options in ({"jac": "sparse"}, {"jac_sparsity": chainrule.jac_sparsity(broyden)(x)}):
        found = least_squares(broyden, x, **options)
        assert found.cost < 1e-12
        assert sparse.issparse(found.jac)
    with pytest.raises(errors.SparsityError):
        least_squares(broyden, x, jac_sparsity=np.eye(50))
    for rhs in (lambda t, y: -y * np.roll(y, 1), lambda t, y: [-y[0], *-y[1:]]):
        for method in ("BDF", "Radau"):
            assert solve_ivp(rhs, (0, 1), -x, method=method, jac="sparse").success

    def rosenbrock(x: Any) -> Any:
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    inside = optimize.NonlinearConstraint(lambda x: x[1:] * x[:-1], -1, 0.5, jac="sparse")
    found = minimize(rosenbrock, np.zeros(8), method="trust-constr", hess="sparse",
                     constraints=inside)  # fmt: skip
    dense = optimize.NonlinearConstraint(lambda x: x[1:] * x[:-1], -1, 0.5)
    other = minimize(rosenbrock, np.zeros(8), method="trust-constr", constraints=dense)
    assert abs(found.fun - other.fun) < 1e-6
    for call in (lambda: minimize(rosenbrock, x4, hess="sparse"),
                 lambda: solve_ivp(lambda t, y: -y, (0, 1), x4, jac="sparse")):  # fmt: skip
        with pytest.raises(errors.UsageError, match="takes no sparse matrix"):
            call()

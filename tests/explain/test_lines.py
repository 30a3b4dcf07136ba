"""Every printed `expression = value` is read back and evaluated by NumPy alone."""

import numpy as np
import pytest

import chainrule
from chainrule.explain import explain

from . import checking, worked
from .programs import Program

EACH = 10


@pytest.mark.seeds(24, 200)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_random_programs(block):
    """Programs with branches, broadcasting, reductions, products, loops."""
    for seed in range(block * EACH, (block + 1) * EACH):
        program = Program(seed)
        argnums = tuple(range(len(program.args)))
        detail = ("normal", "full")[seed % 2]
        derivation = explain(program.function, *program.args, argnums=argnums, detail=detail)
        assert checking.check_all(derivation) >= 2, program.source
        assert derivation.document["check"]["passed"], program.source
        gradient = chainrule.grad(program.function, argnums=argnums)(*program.args)
        for a, b in zip(derivation.gradient, gradient, strict=True):
            assert np.asarray(a).dtype == np.asarray(b).dtype
            assert np.array_equal(a, b, equal_nan=True), program.source


@pytest.mark.parametrize("detail", ["brief", "normal", "full"])
@pytest.mark.parametrize("name", ["sine", "branch", "net", "batch", "logistic"])
def test_worked_documents(name, detail):
    function = getattr(worked, name)
    point = {"sine": (0.5,), "branch": (2.0,), "logistic": (0.3,), "net": worked.point(),
             "batch": worked.batch_point()}[name]  # fmt: skip
    derivation = explain(function, *point, detail=detail)
    assert checking.check_all(derivation) > 3


def test_the_reader_sees_a_wrong_sign():
    """The test itself can fail: a wrong factor, sign or digit is found."""
    derivation = explain(worked.sine, 0.5)
    names = checking.names_of(derivation)
    for wrong in ("v̄₂ = v̄₃ · ∂v₃/∂v₂ ≈ 0.653644 · 4 ≈ −2.61457", "v₃ = v₂² = 5",
                  "v₄ = sin(v₃) ≈ −0.756803",
                  "v₄ = sin(v₂) ≈ −0.756802", "v₄ = sin(v₃) = −0.756802",
                  "v₁ = 2 · x ≈ 2"):  # fmt: skip
        with pytest.raises(AssertionError):
            checking.reader.check_line(wrong, names)


def test_forward_mode_lines():
    """A tangent's lines agree with each other, and its last one with the gradient."""
    derivation = explain(worked.sine, 0.5, mode="both")
    names = checking.names_of(derivation)
    for line in checking.reader.lines_of_text(derivation.text()):
        checking.reader.check_line(line, names)
    (sweep,) = derivation.document["tangents"]
    assert sweep["result"]["scalar"] == derivation.gradient


def test_forward_mode_of_arrays_agrees_with_reverse():
    params, x, t = worked.point()
    derivation = explain(worked.net, params, x, t, mode="forward")
    for sweep in derivation.document["tangents"]:
        raw = derivation.document["symbols"][sweep["seed"]]["name"]
        gradient = derivation.gradient[raw.split("'")[1]]
        np.testing.assert_allclose(sweep["result"]["scalar"], gradient[tuple(sweep["entry"])],
                                   rtol=1e-12)  # fmt: skip


def named_constants(x):
    h = np.sin(np.pi * x) / 3 + np.sqrt(2) * x + np.e**x
    return h * np.log(2) + x ** (2 / 3) / np.sqrt(2 * np.pi) + 180 / np.pi * x + 0.1 * x**1.3


def test_lines_with_named_constants():
    assert checking.check_all(explain(named_constants, 0.7)) > 20


@pytest.mark.parametrize("f", [
    lambda A: A**2 @ A, lambda A: A**-1.0 + A @ A, lambda A: np.sqrt(A) @ A, lambda A: A**0.5,
    lambda A: A**A, lambda A: 1 / A**3, lambda A: np.square(A.T) @ A, lambda A: np.exp(A) ** 2 @ A,
])  # fmt: skip
def test_a_power_of_entries_is_no_power_of_a_matrix(f):
    A = np.array([[1.0, 2.0], [3.0, 4.5]])
    derivation = explain(lambda A: np.sum(f(A)), A)  # the readers take A² for A A
    assert checking.check_text(derivation) > 2
    checking.check_latex(derivation)
    assert "entry by entry" in derivation.document["notes"][-1]

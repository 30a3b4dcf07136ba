"""The rest of a teacher's list: sentences that were false or misleading, by their kinds."""

import re

import numpy as np
import pytest
from numpy import sin
from scipy import sparse, stats
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq, fsolve, minimize
from scipy.sparse.linalg import expm_multiply, spsolve

import chainrule
from chainrule import derivative, grad
from chainrule.explain import explain

pytestmark = pytest.mark.filterwarnings("ignore")


# --- rows of a derivative that the program takes itself -------------------------------------------
def bent(u):
    a = u**3
    return a * sin(u)


INSIDE = {
    "backward": grad(bent), "forward": derivative(bent), "twice": grad(grad(bent)),
    "over forward": grad(derivative(bent)), "over backward": derivative(grad(bent)),
    "forward twice": derivative(derivative(bent)),
    "three": grad(grad(grad(bent))),
    "a product": lambda t: chainrule.hvp(bent, t, t),
    "recorded": lambda t: np.sum(chainrule.jacfwd(bent)(t)),
    "by rows": lambda t: np.sum(chainrule.jacrev(bent)(t)),
}  # fmt: skip
_FROM = {  # what a row computes: of which functions' rules that can be a step
    "cos": ("sin",), "sin": ("cos",), "negative": ("sin", "cos", "negative"),
    "power_of": ("power_of",),
}  # fmt: skip


@pytest.mark.parametrize("name", INSIDE)
def test_a_step_of_a_derivative_names_the_step_whose_rule_it_is(name):
    document = explain(lambda t: INSIDE[name](t), 2.0).document
    rows = {document["symbols"][r["symbol"]]["text"]: r for r in document["forward"]}
    op = {text: r["line"]["sides"][0].get("op") for text, r in rows.items()}
    for r in rows.values():
        mark, made = r.get("mark", ""), r["line"]["sides"][0].get("op")
        of = re.fullmatch(r"by the rule of (.+?)( \([^(]*\)|, a step that is not shown)?", mark)
        if "test_lesson" in mark:  # a step of the function itself
            known = {"u**3": "power_of", "a * sin(u)": "multiply", "sin(u)": "sin"}[of[1]]
        elif of is not None:
            known = of[1] if of[2] else op[of[1]]
        else:
            assert mark in ("", "the sum over the edges") or mark.startswith("from here to")
            assert (made == "add") == (mark == "the sum over the edges")
            continue
        assert known in _FROM.get(made, (known,))


def test_a_name_is_that_of_the_value_and_not_of_its_tangent():
    rows = explain(lambda t: derivative(bent)(t), 2.0).text().splitlines()
    assert any(re.match(r"  \d  a = t³ +", r) for r in rows)


# --- names that are bound once --------------------------------------------------------------------
def listed(v):
    a = list(v)
    return a[0] * a[1]


def each(v):
    w = [u * 2 for u in v]
    return w[0] * w[1]


def split(v):
    p = np.split(v, 2)
    return np.sum(p[0] * p[1])


def written_alike(v):
    x1 = v[0] * 2
    x_1 = sin(x1)
    return x1 * x_1 * v[1]


@pytest.mark.parametrize("f", [listed, each, split, written_alike])
def test_a_name_that_is_bound_once_has_no_number(f):
    text = explain(f, np.array([2.0, 3.0])).text()
    assert "⁽" not in text
    assert "raised parentheses" not in text


@pytest.mark.parametrize(("f", "shown"), [
    (listed, set()), (each, set()), (split, set()), (written_alike, {"x₁", "x_1"}),
])  # fmt: skip
def test_what_fills_a_list_does_not_bear_its_name(f, shown):
    symbols = explain(f, np.array([2.0, 3.0])).document["symbols"].values()
    steps = {s["text"] for s in symbols if s["kind"] == "step"}
    assert {s for s in steps if not s.startswith("v")} == shown


def test_names_that_are_written_alike_keep_their_turns_apart():
    def f(x1):
        x_1 = x1 * 2
        x_1 = sin(x_1)
        return x1 * x_1

    symbols = explain(f, 2.0).document["symbols"].values()
    found = [s["text"] for s in symbols if s["kind"] in ("input", "step")]
    assert found[:3] == ["x₁", "x_1⁽¹⁾", "x_1⁽²⁾"]


# --- fixed maps: their letters, and which way they are turned -------------------------------------
M = sparse.csr_matrix(np.array([[2.0, 1.0], [0.0, 3.0]]))
DENSE = M.toarray()


def solved(x):
    J = x[0] * 2
    s = fsolve(lambda u: [u[0] ** 3 - J, u[1] - u[0] * x[1]], [1.0, 1.0])
    return s[0] * s[1]


def taken(x):
    A = x * 2
    return np.sum(M @ A)


MAPS = {  # the program, how its map is written forward and backward, and what it is
    "a product": (lambda x: np.sum(M @ x), "A·", "Aᵀ·", "A", DENSE),
    "the letter is the user's": (taken, "Mat·", "Matᵀ·", "Mat", DENSE),
    "an exponential": (lambda x: np.sum(expm_multiply(M, x)), "exp(A) ", "exp(Aᵀ) ", "A", DENSE),
    "a system": (lambda x: np.sum(spsolve(M, x)), "A(M)⁻¹ ", "A(M)⁻ᵀ ", "", None),
    "two": (lambda x: np.sum((M @ M) @ (M @ x)), "A₂·", "A₂ᵀ·", "A", DENSE),
    "a solver": (solved, "Jac⁻¹·", "Jac⁻ᵀ·", "Jac", None),
}  # fmt: skip


@pytest.mark.parametrize("name", MAPS)
def test_a_fixed_map_has_a_letter_of_its_own_and_says_that_it_is_turned(name):
    f, there, back, letter, matrix = MAPS[name]
    derivation = explain(f, np.array([1.0, 2.0]))
    text = derivation.text()
    forward, _, rest = text.partition("4 Local derivatives")
    assert there in forward
    assert there not in rest.partition("6 ")[0]
    assert back in rest
    assert back not in forward
    texts = [s["text"] for s in derivation.document["symbols"].values()]
    assert len(texts) == len(set(texts))
    if letter:
        assert re.search(rf"  {letter}(, \S+)?: ", text)
    if matrix is not None:
        np.testing.assert_array_equal(derivation.values[f"map:{letter}"], matrix)


def test_what_a_solver_carries_is_no_cancellation():
    text = explain(lambda a: brentq(lambda u: u**3 - a, 0, 5), 2.0).text()
    assert "nearly equal numbers cancel" not in text


# --- a jump at a limit of an integral -------------------------------------------------------------
JUMPS = {  # the integral, the point, its derivative, and whether the jump stands at an end
    "the limit moves": (lambda a: quad(lambda t: float(t > 0.5), 0, a)[0], 0.5, 0.5, True),
    "the jump moves": (lambda a: quad(lambda t: np.sign(t - a), 0, 1)[0], 1.0, -1.0, True),
    "by a choice": (lambda a: quad(lambda t: np.where(t < 1, t, 2 * t), 0, a)[0], 1.0, 1.5, True),
    "a branch": (lambda a: quad(lambda t: 1.0 if t > a else 0.0, 0, 1)[0], 0.0, -0.5, True),
    "a bend": (lambda a: quad(lambda t: abs(t - a), 0, 1)[0], 0.0, -1.0, True),
    "inside": (lambda a: quad(lambda t: 1.0 if t < a else 0.0, 0, 1)[0], 0.5, 1.0, False),
}  # fmt: skip


@pytest.mark.parametrize("name", JUMPS)
def test_what_is_said_of_a_jump_does_not_contradict_the_derivative(name):
    f, a, slope, at_end = JUMPS[name]
    derivation = explain(f, a)
    text = derivation.text()
    assert derivation.gradient == pytest.approx(slope, abs=1e-9)
    assert ("the middle of them is taken" in text) == at_end
    assert derivation.document["check"]["verdict"] != "differs"
    for claim in ("✗", "of the point differ, and", "branch that ran", "branch which it chose",
                  "no derivative flows"):  # fmt: skip
        assert claim not in text


def test_check_does_not_tell_a_branch_inside_an_integral_as_the_program_s():
    found = str(chainrule.check(JUMPS["inside"][0], 0.5))
    assert "branch that ran" not in found
    assert "branch which it chose" not in found
    assert "that of quad's answer" in found


# --- numbers that are too small -------------------------------------------------------------------
SMALL = {  # an array program, its point, and what is told to be 0 by underflow, if anything
    "one": (lambda v: np.sum(np.exp(v)), [-800.0, 1.0], "entry [0] of v₁ is"),
    "beside a true 0": (lambda v: np.sum(v * v), [0.0, 1e-200, 1.0], "entry [1] of v₁ is"),
    "several": (lambda v: np.sum(np.exp(-(v**2))), [30.0, 0.0, 40.0], "entries of v₃ are"),
    "a small one that is none": (lambda v: np.sum(v * v), [0.0, 1.0, 1e-160], ""),
    "a true 0": (lambda v: np.sum(v * v), [0.0, 1.0, 2.0], ""),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_an_underflow_is_told_of_the_entries_that_have_it(name):
    f, x, said = SMALL[name]
    text = explain(f, np.array(x)).text()
    assert said in text
    assert ("underflow)" in text) == bool(said)


# --- why a complex step is left out ---------------------------------------------------------------
@pytest.mark.parametrize(("f", "x"), [
    (lambda x: x**1.5, 0.0), (lambda x: np.sqrt(x * x * x), 0.0), (lambda x: (x**2) ** 0.75, 0.0),
    (lambda v: np.prod(v), np.array([1e-200, 1e-200, 1.0])),
])  # fmt: skip
def test_no_false_cause_of_a_complex_step_is_told(f, x):
    text = explain(f, x).text()
    assert "cancel, or since" not in text
    if "its figure is not the slope" in text:
        assert "no branch point" in text
        assert "underflow" in text


# --- powers of 0 ----------------------------------------------------------------------------------
@pytest.mark.parametrize("f", [lambda x: 0**x, lambda x: 0.0**x, lambda x: np.power(0.0, x)])
def test_a_power_of_0_is_told_to_be_constant(f):
    for x in (0.5, 2.0):
        text = explain(f, x).text()
        assert "0ᵘ is 0 for all u > 0: its derivative is 0" in text
        for words in ("log", "tangent"):
            assert words not in text


# --- arguments that are no arrays, and what is counted --------------------------------------------
def test_arguments_that_are_no_arrays_are_told_to_be_held_fast():
    def f(x, n, text):
        return x**n * len(text)

    for words in ("held fast: n = 3, text = 'abc'", "y  = x³ · 3"):
        assert words in explain(f, 2.0, 3, "abc").text()


def test_costs_say_how_much_of_them_stands_in_no_row():
    text = explain(lambda x: x**2 if x > 1 else x, 3.0).text()
    assert "of the value's, 1 is in no row above" in text
    assert "in no row" not in explain(lambda x: x**2 * sin(x), 3.0).text()


def test_rows_that_carry_a_solver_s_derivative_are_no_cost_of_its_value():
    text = explain(lambda a: brentq(lambda u: u**3 - a * 2, 0, 5), 2.0).text()
    assert re.search(r"value +0 operations and 1× brentq", text)


# --- digits that rounding has made ----------------------------------------------------------------
CANCELLED = {  # whose gradients are less exact than they are shown
    "a quotient of differences": (lambda x: (x**2 - 1) / (x - 1), 1.0000001, 1.0),
    "compound interest": (lambda x: (1 + 1 / x) ** x, 1e6, 1.3591396683735e-12),
}  # fmt: skip


@pytest.mark.parametrize("name", CANCELLED)
def test_digits_that_are_not_its_own_are_told(name):
    f, x, true = CANCELLED[name]
    derivation = explain(f, x)
    assert abs(derivation.gradient - true) > 1e-5 * abs(true)
    assert "rounding alone moves x̄ by" in derivation.text()


@pytest.mark.parametrize(("f", "x"), [
    (lambda x: x * sin(x), 2.0), (lambda x: (x * 10 - 1) ** 2, 0.3),
    (lambda x: np.exp(-x * x), 1.1), (lambda x: 1 / (1 + np.exp(-x)), 3.0),
])  # fmt: skip
def test_nothing_is_said_of_digits_that_stand(f, x):
    assert "rounding" not in explain(f, x).text()


def test_an_optimiser_that_stops_early_is_no_accusation():
    def best(a):
        return minimize(lambda x: (x[0] - a) ** 2 + x[0] ** 4, [0.0]).x[0]

    derivation = explain(best, 1.0)
    assert derivation.gradient == pytest.approx(0.3239535, abs=1e-6)
    assert "✗" not in derivation.text()


# --- what a reader does not know of ---------------------------------------------------------------
@pytest.mark.parametrize(("f", "said"), [
    (lambda x: stats.norm.cdf(x), "norm.cdf(x / 1)"),
    (lambda x: stats.t.cdf(x, 3), "t.cdf(x / 1, 3)"),
    (lambda x: stats.beta.ppf(x, 2.0, 3.0), "beta.ppf(x, 2, 3)"),
])  # fmt: skip
def test_distributions_bear_their_names_and_shapes(f, said):
    text = explain(f, 0.5).text()
    assert f"y  = {said}" in text
    assert "Standard" not in text


def test_a_power_rule_divides_by_nothing():
    text = explain(lambda x, y: x**y, 2.0, 3.0, argnums=(0, 1)).text()
    assert "∂v₁/∂x = y · x^(y − 1) = 3 · 2^(3 − 1)" in text


# --- whose rule, where no line of the program's calls ---------------------------------------------
@pytest.mark.parametrize("f", [
    lambda x: derivative(np.sin)(x), lambda x: grad(np.sin)(x),
    lambda x: chainrule.jacobian(np.sin)(x),
])  # fmt: skip
def test_a_rule_of_a_function_of_numpy_s_is_told_by_its_name(f):
    assert "— by the rule of sin\n" in explain(f, 0.5).text()


def test_sums_of_a_batch_are_no_step_of_a_rule():
    text = explain(lambda v: np.sum(chainrule.vmap(grad(lambda u: u * sin(u)))(v)),
                   np.array([1.0, 2.0])).text()  # fmt: skip
    assert re.search(r"v₄ = v₁ \+ v₃ .*— the sum over the edges\n", text)


def test_points_that_pass_a_jump_by_accuse_nobody():
    derivation = explain(lambda a: quad(lambda t: int(t + a), 0, 2)[0], 0.5)
    assert derivation.gradient == pytest.approx(2.0)
    assert "✗" not in derivation.text()


# --- letters of the page's own that are the user's, too -------------------------------------------
def test_a_residual_has_a_letter_that_no_variable_has():
    def f(a):
        F = a * 2
        return brentq(lambda u: u**3 - F, 0, 5)

    text = explain(f, 2.0).text()
    assert "v₆ solves Res(v₆, a) = 0" in text
    assert "F(" not in text


def test_a_variable_that_is_called_like_a_constant():
    def f(x):
        π = x * 3
        return π * np.pi

    derivation = explain(f, 2.0)
    assert "v₂ = π · arccos(−1)  ≈ 18.8496" in derivation.text()
    assert "\\cdot \\pi" not in derivation.latex()


def test_elements_that_a_loop_takes_bear_their_name():
    def f(v):
        total = 0.0
        for i in range(2):
            c = v[i]
            total = total + c
        return total * c

    symbols = explain(f, np.array([2.0, 3.0])).document["symbols"].values()
    assert {"c⁽¹⁾", "c⁽²⁾"} <= {s["text"] for s in symbols}


def test_a_right_hand_side_that_crosses_over_is_no_accusation():
    def at_one(a):
        path = solve_ivp(lambda t, y: [-y[0] if t < a else y[0]], (0, 1), [1.0])
        return path.y[0, -1]

    derivation = explain(at_one, 0.5)
    text = derivation.text()
    assert derivation.gradient == pytest.approx(-2.0, rel=0.03)
    assert "the way of the times at which they cross over" in text
    assert "✗" not in text

"""What a strict teacher struck out in a third reading, by its kinds."""

import contextlib
import cProfile
import io
import math
import re
import sys

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import chainrule
from chainrule import grad
from chainrule.cli.main import main
from chainrule.explain import explain
from chainrule.explain.text import folded, width

from . import checking

pytestmark = pytest.mark.filterwarnings("ignore")
A = np.array([[2.0, 1.0], [1.0, 3.0]])
K = np.array([[1.0, 2.0], [3.0, 4.0]])
X = np.array([1.0, 2.0])


def section(text, title):
    found = re.search(rf"^\d+ {title}.*?(?=^\d+ |\Z)", text, re.DOTALL | re.MULTILINE)
    return found.group() if found else ""


# --- what reaches the result ----------------------------------------------------------------------
@pytest.mark.parametrize(("f", "said"), [
    (np.floor, "every path from it ends in something"),
    (lambda x: 2.0 * math.floor(x), "every path from it ends in something"),
    (lambda x: float(round(x)), "every path from it ends in something"),
    (lambda x: 1.0, "no operation reads it"),
    (lambda x: [x * 2.0, 1.0][1], "nothing that is computed of it reaches the result"),
])  # fmt: skip
def test_what_does_not_flow_is_told_from_what_is_not_read(f, said):
    text = chainrule.check(f, 2.5).text()
    assert said in text
    assert ("does not reach" in text) == ("every path" not in said)


# --- whose branch ---------------------------------------------------------------------------------
def spread(x):
    return np.sum(np.linspace(0, x, 4) ** 2)


def branching(x):
    return x * 2 if x > 1 else x


def test_branches_of_a_library_are_not_the_programs():
    notes = section(explain(spread, 2.0).text(), "Notes")
    assert "the library's own code branches" in notes
    assert "the program branches" not in notes
    assert "the library's own code, called here" in chainrule.check(spread, 2.0).text()
    assert "the program branches" in section(explain(branching, 2.0).text(), "Notes")


@pytest.mark.parametrize(("f", "here"), [
    (branching, True), (lambda x: x * int(x), True), (lambda x: x * 2, False), (spread, False),
    (lambda x: chainrule.stop_gradient(x) * x, True),
])  # fmt: skip
def test_a_statement_of_one_branch_says_so(f, here):
    assert ("at this point" in section(explain(f, 2.5).text(), "Problem")) == here


def test_what_hands_its_argument_on_is_stated():
    assert "y  = x" in explain(lambda x: x, 2.5).text()


# --- names ----------------------------------------------------------------------------------------
class Layer:
    def __init__(self, W):
        self.W = W

    def __call__(self, x):
        return np.tanh(self.W @ x)


LAYERS = [Layer(K), Layer(A)]


def through_a_view(x):
    y = x.copy()
    w = y[1:]
    w[0] = 7.0
    w *= 2
    return y.sum()


def counted_on(x):
    y = np.array(x)
    y += 1
    return y[0] * x[0]


def stored(x):
    a = np.zeros(3)
    a[0] = x
    a[1:] = x * x
    return a.sum()


NAMED = {
    "transposed": (lambda x: np.sum(K.T @ x), X, ("Kᵀ x", "K ", "= [1 2; 3 4]"), ("T  =",)),
    "another layer": (lambda x: np.sum(LAYERS[1](LAYERS[0](x))), X, ("W x", "W⁽²⁾ v₂"), ("c₁",)),
    "made in every turn": (lambda x: np.sum((2 * K) @ ((2 * K) @ x)), X, ("c₁",), ("c₂",)),
    "identity": (lambda B: np.sum(np.eye(2) + B), A, ("eye(2) + B",), ("c₁",)),
    "form": (lambda x: x @ A @ x, X, ("xᵀ A x",), ("(x A)ᵀ",)),
    "letters": (lambda x: np.einsum("i,ij,j->", x, K, x), X,
                ('einsum("i,ij,j->", x, K, x)', 'einsum("ij,j->i", K, x)'), ("reshape",)),
    "a method's operand": (lambda x: np.sum(K.dot(x * 2)), X, ("c₁",), ("x  = [",)),
    "stores": (stored, 2.0, ("a⁽¹⁾ = zeros(3,) with [0] := x", "a⁽²⁾ = a⁽¹⁾ with [1:]",
                             "# test_school.py", "a[0] = x"), ()),
    "a store through a view": (through_a_view, X, ("y⁽²⁾ = y⁽¹⁾ with [1:] := w⁽²⁾", "Σ(y⁽³⁾)",
                               "f  = "), ("w⁽³⁾", "y  = ")),
    "all written anew": (counted_on, X, ("y⁽²⁾ = v₂",), (":=",)),
    "what a library computed": (lambda p: stats.binom.logpmf(3, 5, p), 0.3,
                                ("binom.logpmf(3, 5, p)",), ("support", "∞")),
    "fractions above": (lambda x: x ** (1 / 3), 2.0, ("x^(2/3)",), ("0.666",)),
    "a named power": (lambda x: x**np.pi, 2.0, ("x^π",), ("3.14159 ",)),
    "a logarithm": (lambda x: np.pi**x, 2.0, ("π^x · log(π)",), ("1.14",)),
    "median": (np.median, np.array([3.0, 1.0, 2.0, 5.0]), (": steps of",), ("isnan", "where")),
    "norm": (lambda B: np.linalg.norm(B, 2), A, ("s(B)",), ("zero_singular", "tie or a zero")),
    "spread": (spread, 2.0, ("from here to", ": steps of np.linspace"), ("− 0", "+ 0")),
    "rule inside": (lambda x: grad(lambda u: u**3)(x) * 2, 2.0, ("by the rule of u**3",), ()),
    "ramp": (lambda x: np.maximum(x, 0.0) * 2, 2.0, ("∂v₁/∂x = x > 0",), ("isnan",)),
    "branch that is dead": (lambda x: np.where(x > 1, x, 2 * x), 2.0, ("∂v₃/∂v₂", "= 0 "),
                            ("linear map",)),
    "orders of derivatives": (np.sinc, 0.5, ("sinc⁽¹⁾(x)",), ("sinc^",)),
    "imaginary unit": (lambda t: (np.exp(1j * t) / (2j + t)).real, 0.5, ("exp(i · t) / (2i + t)",
                       "= 0.5i"), ("(0 + 1i)",)),
    "data turned": (lambda x, K: np.sum(x @ K.T), (X, K), ("K x",), ("c₁",)),
    "rule forward": (lambda x: chainrule.jvp(lambda t: t**3, (x,), (1.0,))[1], 2.0,
                     ("by the rule of t**3",), ("v₃",)),
    "integral": (lambda a: quad(lambda t: np.exp(-a * t), 0, 1)[0], 1.0, ("(a − 1)",),
                 ("y  = v",)),
    "error function": (lambda x: math.erf(x), 0.5, ("exp(−x²)", "7 Closed form\n"), ("1.0·",)),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_the_names_that_a_reader_meets(name):
    f, x, said, unsaid = NAMED[name]
    derivation = explain(f, *(x if isinstance(x, tuple) else (x,)))
    text = derivation.text()
    for words in said:
        assert words in text
    for words in unsaid:
        assert words not in text
    checking.check_json(derivation)


def test_a_density_shows_no_guards():
    text = explain(lambda x: stats.norm.logpdf(x, 1.0, 2.0), 2.0).text()
    assert ": steps of stats.norm.logpdf" in text
    assert "dy/dx = −(x − 1) / 4" in text
    assert not re.search("where|∞|support|==", text)


@pytest.mark.parametrize(("f", "args"), [
    (lambda B, b: np.sum(np.linalg.lstsq(B, b, rcond=None)[0]), (K, X)),
    (lambda B: np.linalg.eigh(B)[0][0], (A,)), (lambda B: np.linalg.svd(B)[1][0], (A,)),
    (lambda B: np.sum(np.linalg.qr(B)[1]), (A,)), (spread, (2.0,)), (np.median, (X,)),
])  # fmt: skip
def test_rows_are_numbered_from_1_without_a_gap(f, args):
    rows = explain(f, *args).document["forward"]
    assert [r["index"] for r in rows] == list(range(1, len(rows) + 1))
    names = [r["symbol"] for r in rows if re.fullmatch(r"v\d+", r["symbol"])]
    assert all(int(n[1:]) == r["index"] for r in rows for n in names if n == r["symbol"])


# --- what is held fast ----------------------------------------------------------------------------
def hides(x, w):
    z = w * x
    y = z * x
    return y


@pytest.mark.parametrize(("f", "said"), [
    (lambda x, w: w * x + math.sin(w), "∂y/∂x = w "), (hides, "x̄ = 2 · w · x "),
    (lambda x, n: x**n, "∂y/∂x = n · x^(n − 1)"),
])  # fmt: skip
def test_a_derivative_beside_data_is_partial(f, said):
    text = explain(f, 2.0, 3.0).text()
    assert said in section(text, "Closed")
    assert "held fast: " in text


def test_the_command_keeps_the_names_of_what_is_held_fast(capsys):
    assert main(["explain", "x**n + w*x", "--at", "x=2,n=3,w=5", "--wrt", "x"]) == 0
    text = capsys.readouterr().out
    assert "y  = x^n + w · x" in text
    assert "∂y/∂x = w + n · x^(n − 1)" in text or "∂y/∂x = n · x^(n − 1) + w" in text


# --- exceptions that a helper catches -------------------------------------------------------------
def helped(x):
    try:
        return 1.0
    except ValueError:
        return 2.0


def bare(x):
    try:
        return 1.0
    except:  # noqa: E722
        return 2.0


def quiet(x):
    with contextlib.suppress(ValueError):
        return 1.0


def in_order(x):
    try:
        return 1.0
    finally:
        x.real  # noqa: B018


@pytest.mark.parametrize("helper", [helped, bare, quiet])
def test_a_helper_that_catches_is_seen(helper):
    assert f"{helper.__name__} catches" in section(
        explain(lambda x: x * x * helper(x), 2.0).text(), "Closed")  # fmt: skip


def test_a_profiler_of_the_users_own_stays():
    profile = cProfile.Profile()
    profile.enable()
    try:
        text = explain(lambda x: x * x, 2.0).text()
        assert sys.getprofile() is not None
    finally:
        profile.disable()
    assert "dy/dx = 2 · x" in text


def test_what_only_ends_in_order_catches_nothing():
    assert "dy/dx = 2 · x" in explain(lambda x: x * x * in_order(x), 2.0).text()


# --- limits and ties ------------------------------------------------------------------------------
def test_the_order_of_a_sum_is_no_limit():
    rng = np.random.default_rng(0)
    for n in (2, 3, 5):
        B = rng.normal(size=(n, n))
        text = explain(lambda B: np.sum(np.linalg.inv(np.eye(len(B)) + B)), B).text()
        assert "limit" not in text


@pytest.mark.parametrize(("x", "tie"), [([3.0, 1.0, 2.0], False), ([3.0, 1.0, 3.0], True)])
def test_a_tie_is_told_where_there_is_one(x, tie):
    assert ("at a tie" in section(explain(np.max, np.array(x)).text(), "Local")) == tie


# --- costs ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("f", "n", "count"), [
    (np.linalg.det, 3, 18), (lambda B: np.linalg.inv(B)[0, 0], 3, 54),
    (lambda B: np.linalg.solve(B, np.ones((3, 2)))[0, 0], 3, 54),
    (lambda B: np.linalg.eigvalsh(B)[0], 3, 36), (lambda B: np.linalg.cholesky(B)[0, 0], 3, 9),
])  # fmt: skip
def test_factorisations_are_counted_by_their_leading_terms(f, n, count):
    """2n³/3, 2n³, 2n³/3 + 2n²k, 4n³/3, n³/3: Golub & Van Loan."""
    derivation = explain(f, np.eye(n) * 4 + np.ones((n, n)))
    assert derivation.document["cost"]["value"]["total"] == count
    assert "Golub & Van Loan" in section(derivation.text(), "Cost")


def test_other_costs_name_no_source():
    assert "Golub" not in explain(lambda x: x * x, 2.0).text()


# --- the terminal ---------------------------------------------------------------------------------
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_lines_are_broken_for_a_terminal(columns):
    text = explain(lambda x: np.sum(np.linalg.eigvalsh(x)), A).text()
    broken = folded(text, columns)
    assert max(map(width, broken.splitlines())) <= columns
    assert broken.split() == text.split()


def test_a_pipe_gets_whole_lines(capsys):
    assert main(["explain", "x*sin(x)", "--at", "x=2"]) == 0
    assert any(width(line) > 100 for line in capsys.readouterr().out.splitlines())


def test_a_terminal_gets_broken_ones(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    out = Terminal()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("COLUMNS", "70")
    assert main(["explain", "x*sin(x)", "--at", "x=2"]) == 0
    assert max(map(width, out.getvalue().splitlines())) <= 70


def test_a_sentence_beside_equations_sets_no_column():
    lines = section(explain(lambda x: x[1] * 2, X).text(), "Local").splitlines()
    equation = next(line for line in lines if "∂v₂/∂v₁" in line)
    assert "∂v₂/∂v₁  = 2" in equation

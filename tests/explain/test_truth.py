"""What a derivation says is so: closed forms, ticks, kinks, costs, and that it is all it prints."""

import json
import linecache
import math
import re

import numpy as np
import pytest
from scipy.integrate import odeint, quad, solve_ivp
from scipy.optimize import brentq, fixed_point, fsolve, minimize_scalar, newton, root

import chainrule
from chainrule import custom_rule
from chainrule.cli.main import main
from chainrule.explain import explain
from chainrule.explain.as_json import from_json
from chainrule.explain.evaluation import evaluate
from chainrule.numeric import differences

from .programs import Program


def section(derivation, title):
    text = derivation.text()
    found = re.search(rf"^\d+ {title}.*?(?=^\d+ |\Z)", text, re.DOTALL | re.MULTILINE)
    return found.group() if found else ""


# --- closed forms ---------------------------------------------------------------------------------
def newton_loop(a):
    x = 1.0
    while abs(x * x - a) > 1e-12:
        x = x - (x * x - a) / (2 * x)
    return x


def bisection(a):
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        if middle**3 > a:
            high = middle
        else:
            low = middle
    return low - (low**3 - a) / (3 * low * low)


def branch(x):
    return x * x if x < 1 else 2 * x


def decided(x):
    return x ** int(x)


def looked_up(x):
    return x * [1.0, 2.0, 5.0][int(np.floor(x))]


def kept_fast(x):
    return chainrule.stop_gradient(x) * x


def rounded_constant(x):
    return x * round(float(chainrule.stop_gradient(x)), 1)


FROZEN = {
    "brentq": lambda a: brentq(lambda x: np.exp(x) - a * x, 1, 5) ** 2,
    "newton": lambda a: newton(lambda x: x**3 - a, 1.0),
    "fsolve": lambda a: fsolve(lambda x: x**2 - a, 1.0)[0],
    "root": lambda a: root(lambda x: x**2 - a, [1.0]).x[0],
    "fixed_point": lambda a: fixed_point(lambda x: np.cos(a * x) / 3, 0.2),
    "minimize_scalar": lambda a: minimize_scalar(lambda x: (x - a) ** 2 + x**4).x,
    "quad": lambda a: quad(lambda t: np.exp(-a * t), 0, 1)[0],
    "solve_ivp": lambda a: solve_ivp(lambda t, y: -a * y, (0, 1), [1.0]).y[0, -1],
    "odeint": lambda a: odeint(lambda y, t: -a * y, 1.0, [0.0, 1.0])[-1, 0],
    "newton_loop": newton_loop, "bisection": bisection, "branch": branch, "decided": decided,
    "looked_up": looked_up, "stop": kept_fast, "rounded": rounded_constant,
    "max": lambda x: max(x, 1.5) * x, "comparison": lambda x: (x > 1) * x,
}  # fmt: skip


@pytest.mark.parametrize("name", FROZEN)
@pytest.mark.filterwarnings("ignore")
def test_what_was_decided_at_the_point_has_no_closed_form(name):
    document = explain(FROZEN[name], 2.9).document
    assert document["closed"] is None
    assert document["omitted"]["reason"]


def test_a_root_is_told_as_what_it_is():
    text = section(explain(FROZEN["brentq"], 3.0), "Closed form")
    assert "v₆ solves F(v₆, a) = 0 (brentq at " in text
    assert "dv₆/da = −F_a / F_v₆" in text
    assert "dv₆/da = −∂F/∂a / ∂F/∂v₆ ≈ −(−1.51213) / 1.5364  ≈ 0.984204" in text
    assert "y  = v₆²" in explain(FROZEN["brentq"], 3.0).text()


EXACT = [
    (lambda x: x / 3, "1 / 3"),
    (lambda x: np.sin(np.pi * x), "π · cos(π · x)"),
    (lambda x: 2**x, "2^x · log(2)"),
    (lambda x: np.e**x, "exp(x)"),
    (lambda x: 1.7 * x**1.3, "2.21 · x^0.3"),
    (lambda x: x ** (1 / 3), "1 / (3 · x^(2/3))"),
    (lambda x: np.sqrt(2) * x, "√2"),
    (lambda x: x * np.pi / 180, "π / 180"),
    (lambda x: np.log10(x), "1 / (x · log(10))"),
    (lambda x: x / np.sqrt(2 * np.pi), "√2 / (2 · √π)"),
    (lambda x: 0.7 * x * x, "1.4 · x"),
    (lambda x: x * abs(x), "x · sign(x) + |x|"),
]


@pytest.mark.parametrize(("f", "shown"), EXACT, ids=[shown for _, shown in EXACT])
def test_constants_keep_their_names(f, shown):
    text = section(explain(f, 0.8), "Closed form")
    assert re.search(rf"dy/dx\s+= {re.escape(shown)}  ", text), text


def test_named_constants_stand_in_the_derivation_too():
    text = explain(lambda x: np.sin(np.pi * x) / 3, 0.3).text()
    assert "v₁ = π · x " in text
    assert "∂v₁/∂x = π " in text
    assert "∂v₃/∂v₂ = 1 / 3 " in text


GRAMMAR = (
    "np.sin({a})", "np.exp(-{a})", "{a} ** 2", "{a} * {b}", "{a} + {b}", "{a} / 3", "2 ** {a}",
    "np.pi * {a}", "{a} - 0.3", "np.sqrt(1 + {a} ** 2)", "1 / (2 + {a} ** 2)", "abs({a})",
)  # fmt: skip
TRAPS = (
    "{a} * int(3 * x)", "({a} if x > 0.9 else 2 * {a})", "max({a}, 0.2 * x)",
    "{a} * chainrule.stop_gradient(x)", "{a} * np.floor(2 * x)", "{a} * round(x, 1)",
    "newton(lambda t: t ** 3 + t - x, 0.5) * {a}", "quad(lambda t: np.cos(x * t), 0, 1)[0] * {a}",
    "{a} * float(np.round(chainrule.stop_gradient(x), 1))", "{a} * np.where(x > 1, 1.0, 3.0)",
    "{a} * len(range(int(10 * x)))", "{a} ** int(1 + x)",
)  # fmt: skip


def scalar_program(seed):
    rng = np.random.default_rng(seed)
    names, lines = ["x"], []
    for k in range(int(rng.integers(2, 5))):
        table = TRAPS if rng.random() < 0.2 else GRAMMAR
        a, b = (names[int(rng.integers(len(names)))] for _ in range(2))
        lines.append(f"    u{k} = {table[int(rng.integers(len(table)))].format(a=a, b=b)}")
        names.append(f"u{k}")
    source = "def f(x):\n" + "\n".join(lines) + f"\n    return {names[-1]} + {names[-2]}\n"
    file = f"scalar_{seed}.py"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    space = {"np": np, "chainrule": chainrule, "newton": newton, "quad": quad}
    exec(compile(source, file, "exec"), space)
    return space["f"], source, float(np.round(rng.uniform(0.5, 1.6), 3))


@pytest.mark.seeds(6, 150)
@pytest.mark.filterwarnings("ignore")
def test_a_printed_closed_form_is_the_programs_wherever_it_is_asked(block):
    """Forms are evaluated at points of the test's own, beside differences of the plain program."""
    printed = 0
    for seed in range(block * 10, block * 10 + 10):
        f, source, x = scalar_program(seed)
        derivation = explain(f, x)
        for form in derivation.document["closed"] or ():
            printed += 1
            for factor in (0.71, 1.21, 1.53, 2.2):
                point = np.float64(x * factor)
                names = {"x": type("Value", (), {"value": point})}
                said = evaluate(from_json(form["tree"]), names)
                with np.errstate(all="ignore"):
                    slope, error = differences(
                        lambda h, p=point, f=f: np.array([f(p + h)]), 0.01, 8
                    )
                assert abs(said - slope[0]) <= 1e-6 * (1 + abs(said)) + 20 * error[0], source
    assert printed >= 2


# --- the check ------------------------------------------------------------------------------------
def stores(x):
    buffer = np.zeros(3)
    buffer[0], buffer[1] = x, x * x
    return buffer.sum()


NO_TICK = {
    "sqrt": (lambda x: np.sum(np.sqrt(x)), np.array([0.0])), "cbrt": (np.cbrt, 0.0),
    "pole": (lambda x: x / np.float64(0), 1.0), "log": (np.log, 0.0),
    "jump": (lambda x: np.floor(x) * x, 2.0),
}  # fmt: skip
TICK = {
    "math": (lambda x: x * math.sin(x), 1.2), "float": (lambda x: float(x) ** 2, 1.2),
    "store": (stores, 1.2), "x|x|": (lambda x: x * abs(x), 0.0),
    "norm": (lambda x: np.linalg.norm(x), np.array([1.0, -2.0])),
    "real": (lambda x: np.real(x * 1j * -1j), 0.7), "tiny": (np.log, 1e-9),
    "scales": (lambda x: np.sum(np.log(x)), np.array([1e-9, 1.0, 1e7])),
    "zero slope": (np.cos, 0.0), "tiny values": (lambda x: 1e-12 * np.sin(x), 0.4),
    "solver": (FROZEN["brentq"], 3.0), "smooth at its branch": (
        lambda x: x * x if x < 1 else 2 * x - 1, 1.0),
}  # fmt: skip
CHOICES = {
    "abs": (abs, 0.0), "relu": (lambda x: np.where(x > 0, x, 0.0), 0.0),
    "maximum": (lambda x: np.maximum(x, 0.0), 0.0), "tie": (np.max, np.array([1.0, 1.0, 0.0])),
    "norm": (np.linalg.norm, np.zeros(2)),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_TICK)
@pytest.mark.filterwarnings("ignore")
def test_no_tick_without_finite_agreement(name):
    derivation = explain(*NO_TICK[name])
    assert "✓" not in section(derivation, "Check")
    assert "✗" not in section(derivation, "Check")
    assert "nothing to compare" in section(derivation, "Check")
    assert derivation.document["check"]["verdict"] == "nothing"


@pytest.mark.parametrize("name", TICK)
def test_no_false_alarm(name):
    text = section(explain(*TICK[name]), "Check")
    assert "✗" not in text
    assert "✓" in text


@pytest.mark.parametrize("name", CHOICES)
def test_a_kink_is_a_choice(name):
    derivation = explain(*CHOICES[name])
    assert derivation.document["check"]["verdict"] == "choice"
    assert "stands at a kink" in section(derivation, "Check")
    assert "✗" not in section(derivation, "Check")


@custom_rule(partial=lambda y, x: 3 * x, check=False)
def wrong(x):
    return x * x


def test_a_wrong_rule_gets_its_cross():
    derivation = explain(lambda x: wrong(x) + x, 2.0)
    assert "✗" in section(derivation, "Check")
    assert not derivation.document["check"]["passed"]


PROGRAM = """
import numpy as np
from chainrule import custom_rule
print("loading")

@custom_rule(partial=lambda y, x: 3 * x, check=False)
def wrong(x):
    return x * x

def f(x=2.0):
    print("running")
    return wrong(x)

def g(x=2.0):
    print("running")
    return x * np.sin(x)
"""


@pytest.mark.parametrize("command", ["explain", "check"])
def test_exit_codes_and_a_clean_stdout(command, tmp_path, capsys):
    (tmp_path / "p.py").write_text(PROGRAM, encoding="utf-8")
    for name, status in (("f", 1), ("g", 0)):
        assert main([command, f"{tmp_path}/p.py:{name}", "--json"]) == status
        out, err = capsys.readouterr()
        json.loads(out)
        assert "loading" in err
        assert "running" in err
    assert main([command, "sqrt(x)", "--at", "x=0"]) == (command == "check")
    out = capsys.readouterr().out
    assert "DIFFERS" not in out
    assert "✗" not in out


# --- what happens on the way ----------------------------------------------------------------------
def happens(x):
    y = 0.0
    if x > 1:
        y = y + abs(x - 2.0)
    while y < 4:
        y = y + x
    z = x // 1 + x % 1 + round(x) + np.floor(x)
    w = np.sort(np.stack([x, 2.0 + 0 * x]))[0] + np.max(np.stack([x, 2.0 + 0 * x]))
    return y + z + w + int(x) * chainrule.stop_gradient(x)


def test_branches_kinks_ties_steps_and_stops_are_told_where_they_happen():
    text = explain(happens, 2.0).text()
    for words in (
        "x > 1: what it asks there is True;",
        "y < 4: what it asks there is True 2 times, then False;",
        "abs(x - 2.0)): absolute is evaluated at 0",
        "a sort is evaluated where elements are equal", "max is evaluated where its largest",
        "floor_divide makes a step function", "remainder jumps", "floor makes a step function",
        "is made an integer at", "stop_gradient holds a value fast at",
    ):  # fmt: skip
        assert words in text, words
    assert re.search(r"# test_truth.py:\d+ .*— at a kink or tie: see the notes", text)


def test_sentences_that_were_false_are_gone():
    def f(x):
        return np.logaddexp(x, 0.2) + np.max(np.stack([x, x * x])) + np.round(x) + np.sqrt(x)

    text = explain(f, 1.3).text()
    for words in ("not analytic", "a linear map, pulls", "no closed expression"):
        assert words not in text


@pytest.mark.seeds(12, 500)
def test_the_arithmetic_of_costs(seed):
    program = Program(seed)
    argnums = tuple(range(len(program.args)))
    cost = explain(program.function, *program.args, argnums=argnums).document["cost"]
    reverse, forward = cost["reverse"], cost["forward"]
    assert reverse["total"] == reverse["sweeps"] * reverse["per_sweep"]["total"]
    assert forward["total"] == sum(k * total for k, total in forward["groups"])
    assert forward["sweeps"] == sum(k for k, _ in forward["groups"]) == cost["inputs"]


def test_costs_of_inputs_that_differ_are_printed_as_a_sum():
    f = lambda x, y: np.sum(np.sin(x)) * y  # noqa: E731
    text = section(explain(f, np.ones(3), 2.0, argnums=(0, 1)), "Cost")
    total, *parts = re.search(r"(\d+) operations in all: (\S+) \+ (\S+)", text).groups()
    assert sum(int(np.prod([int(n) for n in part.split("·")])) for part in parts) == int(total)


class Opaque:
    def __call__(self, t, y):
        return -y


def test_no_addresses_and_nothing_printed_into_the_document(capsys):
    def f(x):
        print("hello")
        y = solve_ivp(Opaque(), (0, 1), np.stack([x, x])).y[0, -1]
        z = np.linalg.solve(np.eye(2) * x, np.ones(2))[0]
        return y + fsolve(lambda z: z**3 - x, 1.0)[0] * z

    derivation = explain(f, 1.3)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("hello") == 1
    for shown in (derivation.text(), derivation.markdown(), derivation.latex(), derivation.json()):
        assert not re.search(r"0x[0-9a-f]{4,}", shown)
    assert derivation.text() == explain(f, 1.3).text()


def test_rules_of_ones_own_that_call_others():
    inner = custom_rule(lambda x: np.asarray(x) ** 2, partial=lambda y, x: 2 * x)

    def sin(x):  # named as an operation of NumPy's, which it is not
        return np.asarray(x) ** 3

    outer = custom_rule(sin, partial=lambda y, x: 3 * inner(x))
    derivation = explain(lambda x: outer(x) * 2, 1.5)
    assert derivation.gradient == 13.5
    assert "state read" not in derivation.text()
    assert "✓" in section(derivation, "Check")

"""The commands: what goes to stdout, stderr and files, the exit status, and every error."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from chainrule import __version__
from chainrule.cli import commands
from chainrule.cli.main import build_parser, main
from chainrule.cli.target import find_target, parse_values
from chainrule.errors import UsageError

ROOT = Path(__file__).parents[2]
LINES = 12  # an error fits on a screen
MODEL = '''
import array

import numpy as np
import chainrule

inputs = {"w": np.array([1.0, 2.0]), "x": np.array([0.5, -0.5])}

def loss(w, x, scale=2.0, *, power=2):
    return scale * np.sum((w * x) ** power)

def outputs(w):
    return np.sin(w), w * w

def count(n):
    return n

def nothing():
    return 1.0

def fails(x):
    raise KeyError("no such thing")

def lost(x):
    total = 0.0
    buffer = array.array("d", [0.0, 0.0])
    buffer[0] = x
    return total + buffer[0]

@chainrule.custom_rule(partial=lambda y, x: 3 * x, check=False)
def wrong(x):
    return x * x

@chainrule.custom_rule(partial=lambda y, x: 3 * x)
def caught(x):
    return x * x

value = 3
'''


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = tmp_path / "model.py"
    path.write_text(MODEL, encoding="utf-8")
    return path


def call(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    status = main(args)
    out, err = capsys.readouterr()
    return status, out, err


# --- what is printed ------------------------------------------------------------------------------
def test_explain_prints_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = call(capsys, "explain", "sin((2*x+1)**2)", "--at", "x=0.5")
    assert status == 0
    assert err == ""
    assert "−5.22915" in out
    assert "\033" not in out
    assert "(2*x+1)**2" in out


@pytest.mark.parametrize(("name", "ending"), commands.FORMATS.items())
def test_formats(name: str, ending: str, capsys: Any, model: Path) -> None:
    target = ("explain", "x*y", "--at", "x=2,y=3")
    status, printed, _ = call(capsys, *target, "--format", name)
    assert status == 0
    status, out, err = call(capsys, *target, "-o", f"out{ending}")
    assert (status, out, err) == (0, "", f"wrote out{ending}\n")
    assert Path(f"out{ending}").read_text(encoding="utf-8").rstrip("\n") == printed.rstrip("\n")
    if name == "json":
        assert json.loads(printed)["schema"] == "chainrule-derivation/1"


def test_every_float_is_differentiated_unless_wrt_says_which(capsys: Any, model: Path) -> None:
    both = json.loads(call(capsys, "explain", "x*y", "--at", "x=2,y=3", "--json")[1])
    one = json.loads(call(capsys, "explain", "x*y", "--at", "x=2,y=3", "--json", "--wrt", "y")[1])
    assert [both["symbols"][s]["name"] for s in both["problem"]["inputs"]] == ["x", "y"]
    assert [one["symbols"][s]["name"] for s in one["problem"]["inputs"]] == ["y"]


@pytest.mark.parametrize("mode", ["reverse", "forward", "both"])
@pytest.mark.parametrize("detail", ["brief", "normal", "full"])
def test_modes_and_details(mode: str, detail: str, capsys: Any) -> None:
    status, out, _ = call(
        capsys, "explain", "x*sin(x)", "--at", "x=2", "--mode", mode, "--detail", detail
    )
    assert status == 0
    assert "0.0770037" in out


def test_an_entry_of_an_array_output(capsys: Any) -> None:
    status, out, _ = call(capsys, "explain", "[x, 5*x]", "--at", "x=1", "--entry", "1", "--json")
    found = json.loads(out)
    assert status == 0
    assert found["problem"]["entry"] == [1]
    assert call(capsys, "explain", "[x, 5*x]", "--at", "x=1", "--entry", "1")[1].count("= 5") > 0


def test_draw_gives_svg(capsys: Any, model: Path) -> None:
    status, out, _ = call(capsys, "draw", "x*sin(x)", "--at", "x=2")
    assert status == 0
    assert ElementTree.fromstring(out).tag.endswith("svg")
    assert call(capsys, "draw", "x*sin(x)", "--at", "x=2", "-o", "g.svg")[0] == 0
    assert Path("g.svg").read_text(encoding="utf-8").strip() == out.strip()


def test_check_agrees(capsys: Any, model: Path) -> None:
    status, out, _ = call(capsys, "check", "model.py:loss")
    assert status == 0
    assert "all agree" in out
    assert out.count("reverse · differences") == 3  # w, x, scale


def test_check_of_several_outputs_and_json(capsys: Any, model: Path) -> None:
    status, out, _ = call(capsys, "check", "model.py:outputs", "--at", "w=[1,2]", "--json")
    found = json.loads(out)
    assert status == 0
    assert found["passed"]
    assert {row["test"] for row in found["rows"]} == {
        "reverse · differences", "reverse · complex step", "reverse · forward mode"
    }  # fmt: skip


def test_check_finds_a_wrong_rule(capsys: Any, model: Path) -> None:
    status, out, _ = call(capsys, "check", "model.py:wrong", "--at", "x=2")
    assert status == 1
    assert "DIFFERS" in out
    assert "they differ" in out
    assert "wrong" in out
    assert json.loads(call(capsys, "check", "model.py:wrong", "--at", "x=2", "--json")[1])["fault"]


def test_check_passes_on_what_a_custom_rule_finds_itself(capsys: Any, model: Path) -> None:
    status, _, err = call(capsys, "check", "model.py:caught", "--at", "x=2")
    assert status == 1
    assert "where: model.py:caught" in err
    assert "mend the rule" in err


def test_check_where_the_value_is_not_finite(capsys: Any) -> None:
    status, _, err = call(capsys, "check", "log(x)", "--at", "x=-1")
    assert status == 1
    assert "not finite" in err


# --- where inputs come from -----------------------------------------------------------------------
def test_inputs_in_order_of_precedence(model: Path) -> None:
    target = find_target("model.py:loss", [], None)
    assert target.names == ("w", "x", "scale")
    assert target.args[2] == 2.0
    assert target.function(*target.args) == pytest.approx(2 * (0.25 + 1))
    Path("other.py").write_text("w = 10.0\nunused = 1\n", encoding="utf-8")
    target = find_target("model.py:loss", ["scale=1,power=1"], "other.py")
    assert target.args[0] == 10.0
    assert target.args[2] == 1.0
    assert target.function(*target.args) == 0.0
    assert find_target("model.py:loss", ["w=[1,1]"], "other.py").args[0].shape == (2,)


@pytest.mark.parametrize(
    "text",
    ["inputs = (3.0,)", "def inputs(): return {'x': 3.0}", "inputs = {'x': 3.0, 'more': 1}"],
)
def test_forms_of_inputs(text: str, model: Path) -> None:
    Path("m.py").write_text(f"def f(x): return x * x\n{text}\n", encoding="utf-8")
    assert find_target("m.py:f", [], None).args == (3.0,)


def test_an_expression_takes_a_module_of_inputs(model: Path) -> None:
    Path("p.py").write_text("inputs = {'x': 3.0, 'y': 4.0}", encoding="utf-8")
    target = find_target("x*y", ["y=5"], "p.py")
    assert dict(zip(target.names, target.args, strict=True)) == {"x": 3.0, "y": 5.0}


def test_a_file_may_import_its_neighbours_and_pathless_modules_are_restored(model: Path) -> None:
    Path("helper.py").write_text("def twice(x): return 2 * x", encoding="utf-8")
    Path("json.py").write_text("from helper import twice\ndef f(x=1.0): return twice(x)", "utf-8")
    target = find_target("json.py:f", [], None)
    assert target.function(*target.args) == 2.0
    assert sys.modules["json"] is json
    assert str(model.parent) not in sys.path


def test_values_are_parsed() -> None:
    found = parse_values(["x=0.5,y=[1,2]", "W=[[1, 2], [3, pi/4]]"])
    assert found["x"] == 0.5
    np.testing.assert_array_equal(found["y"], [1.0, 2.0])
    assert found["W"][1, 1] == np.pi / 4


# --- errors ---------------------------------------------------------------------------------------
ERRORS = [
    (["explain", "x*y", "--at", "x=1"], "the variable y", "--at x=1.0,y=0.5"),
    (["explain", "x*y*z", "--at", "x=1"], "the variables y, z", "y=0.5,z=0.5"),
    (["explain", "x", "--at", "y=1"], "'y', which x does not have", "its variables are x"),
    (["explain", "speed**2", "--at", "sped=1"], "'sped'", "did you mean speed?"),
    (["explain", "x", "--at", "x"], "does not understand 'x'", "name=value"),
    (["explain", "x", "--at", "x=[1,2"], "malformed", "where:"),
    (["explain", "x", "--at", "x=1,x=2"], "twice", ""),
    (["explain", "x", "--at", "x=abc"], "'abc' is not a number", "bracketed array"),
    (["explain", "2x", "--at", "x=1"], "malformed", "2*x"),
    (["explain", "3*2"], "no number to differentiate", ""),
    (["explain", "x", "--at", "x=1", "--wrt", "y"], "--wrt names 'y'", "its inputs are x"),
    (["explain", "x", "--at", "x=1", "-o", "a.pdf"], "tells no format", ".md"),
    (["draw", "x", "--at", "x=1", "-o", "a.png"], "does not end in .svg", "graph.svg"),
    (["explain", "x", "--at", "x=1", "-o", "no/such/a.md"], "no/such/a.md", "No such file"),
    (["explain", "modell.py:loss"], "no file 'modell.py'", "near it: model.py"),
    (["explain", "no/folder.py:f"], "no file", "no folder 'no'"),
    (["explain", "model.py:los"], "no function 'los'", "model.py:loss"),
    (["explain", "model.py"], "names no function", "model.py:"),
    (["explain", "model.py:value"], "is a int, not a function", "model.py:loss"),
    (["explain", "broken.py:f"], "broken.py:2 is not valid Python", "def f(:"),
    (["explain", "raises.py:f"], "ZeroDivisionError", "raises.py:1"),
    (["explain", "exits.py:f"], "SystemExit", "__main__"),
    (["explain", "model.ipynb:f"], "not a Python file", "FILE.py:function"),
    (["explain", "x", "--at", "x=nan"], "the input x is NaN", "cure:"),
    (["explain", "[x, x]", "--at", "x=1", "--entry", "7"], "(7,) is not an entry", "--entry 0"),
    (["explain", "zzz.py:loss"], "no file 'zzz.py'", "Python files there: "),
    (["explain", "foo(x)", "--at", "x=1"], "foo", "at column 1"),
    (["explain", "lists.py:f"], "no value is given", "put inputs = {"),
    (["explain", "[x, x]", "--at", "x=1", "--entry", "a"], "--entry", ""),
    (["explain", "model.py:nothing"], "no number to differentiate", "give the function a"),
    (["explain", "badinputs.py:f"], "'inputs' in", "make it a dict"),
    (["explain", "model.py:count", "--input", "words.py"], "no number", "give a number or"),
    (["check", "model.py:fails", "--at", "x=1"], "KeyError", "model.py"),
    (["explain", "model.py:lost", "--at", "x=1"], "cure:", "model.py"),
    (["explain", "x", "--att", "x=1"], "--att", "did you mean --at?"),
    (["explain"], "required", "explain --help"),
    (["explian", "x"], "no command 'explian'", "did you mean explain?"),
    (["explain", "x", "--at", "x=1", "--mode", "sideways"], "sideways", "reverse"),
]


@pytest.mark.parametrize(("args", "what", "cure"), ERRORS, ids=[" ".join(e[0]) for e in ERRORS])
def test_errors(args: list[str], what: str, cure: str, capsys: Any, model: Path) -> None:
    Path("broken.py").write_text("\ndef f(:\n", encoding="utf-8")
    Path("raises.py").write_text("y = 1 / 0\ndef f(x): return x\n", encoding="utf-8")
    Path("exits.py").write_text("import sys\nsys.exit(3)\n", encoding="utf-8")
    Path("badinputs.py").write_text("inputs = 3\ndef f(x): return x\n", encoding="utf-8")
    Path("lists.py").write_text("def f(layers): return layers[0]\n", encoding="utf-8")
    Path("words.py").write_text("inputs = {'n': 'three'}\n", encoding="utf-8")
    status, out, err = call(capsys, *args)
    assert status == 2
    assert out == ""
    assert err.startswith("error: ")
    assert what in err
    assert cure in err
    assert "Traceback" not in err
    assert "cli/commands.py" not in err
    assert len(err.splitlines()) <= LINES


@pytest.mark.parametrize(("parameters", "told"), [
    ("x=2", "to x; reverse"), ("x=2, n=2", "to x; held fast: n = 2"), ("x=2.0, n=2", "to x; held"),
    ("n=2, x=2.0", "to x; held"), ("flag=True, x=2", "to x; held"), ("x=(2, 3)", "to x₀, x₁"),
    ("x=np.array([1, 2, 3])", "to x; reverse"),
])  # fmt: skip
@pytest.mark.parametrize("command", ["explain", "check"])
def test_whole_defaults_are_numbers(
    command: str, parameters: str, told: str, capsys: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("g.py").write_text(
        f"import numpy as np\ndef g({parameters}): return np.sum(x) ** 2\n", encoding="utf-8")
    status, out, _ = call(capsys, command, "g.py:g")
    assert status == 0
    assert (told if command == "explain" else "all agree") in out


def test_a_traceback_on_request(capsys: Any, model: Path) -> None:
    _, _, err = call(capsys, "check", "model.py:fails", "--at", "x=1", "--traceback")
    assert "Traceback" in err
    assert "KeyError" in err


def test_usage_errors_are_of_our_class() -> None:
    with pytest.raises(UsageError, match="did you mean --output"):
        build_parser().parse_args(["draw", "x", "--outputt", "x"])


# --- the process ----------------------------------------------------------------------------------
def run(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chainrule", *args], capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )  # fmt: skip


def test_version_and_help() -> None:
    assert run("--version").stdout == f"chainrule {__version__}\n"
    assert run("--help").returncode == 0
    bare = run()
    assert bare.returncode == 2
    assert "COMMAND" in bare.stdout


def test_a_reader_that_stops_early_is_no_error() -> None:
    command = f'"{sys.executable}" -m chainrule explain "x*sin(x)" --at x=2 --detail full | head -1'
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True)
    assert done.returncode == 0
    assert done.stderr == b""


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from chainrule.cli import console

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal: Any = Terminal()
    assert console.paint("x", console.RED, terminal) == "\033[31mx\033[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert console.paint("x", console.RED, terminal) == "x"
    monkeypatch.delenv("NO_COLOR")
    assert console.paint("x", console.RED) == "x"  # pytest's stdout is no terminal


HELP = [(name, line) for name, lines in commands.EXAMPLES.items() for line in lines]


@pytest.mark.parametrize(("name", "line"), HELP, ids=[line[10:50] for _, line in HELP])
def test_the_examples_of_help_run(name: str, line: str, capsys: Any, model: Path) -> None:
    words = shlex.split(line)
    assert words[0] == "chainrule"
    if words[1] == "demo":
        words.append("--examples-only")
    assert main(words[1:]) == 0
    capsys.readouterr()
    assert main([*([] if name == "chainrule" else [name]), "--help"]) == 0
    assert line in capsys.readouterr().out


# --- the rest -------------------------------------------------------------------------------------
def test_check_takes_complex_inputs_and_boundaries(capsys: Any, model: Path) -> None:
    Path("c.py").write_text(
        "import numpy as np\ninputs = {'z': np.array([1 + 2j])}\n"
        "def f(z): return np.sum(np.abs(z) ** 2)\n"
        "def g(x=0.0): return np.abs(x)\n",
        encoding="utf-8",
    )
    status, out, _ = call(capsys, "check", "c.py:f", "--json")
    assert status == 0
    assert {row["test"] for row in json.loads(out)["rows"]} == {
        "reverse · differences", "reverse · forward mode"
    }  # fmt: skip
    assert call(capsys, "check", "sqrt(x)", "--at", "x=0")[0] == 1  # no differences on both sides


def test_check_draws_entries_of_large_inputs(capsys: Any) -> None:
    values = ",".join(str(i / 100) for i in range(1, 100))
    status, out, _ = call(capsys, "check", "sum(sin(x)*x)", "--at", f"x=[{values}]")
    assert status == 0
    assert "x[" in out


def test_a_progress_bar_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from chainrule.cli.console import Progress

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress("training", 3) as progress:
        for _ in range(3):
            progress.advance("loss 0.5")
    assert "training" in capsys.readouterr().err


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_without_rich_writes_tenths(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from chainrule.cli.console import Progress

    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with Progress("training", 40) as progress:
        for _ in range(40):
            progress.advance("loss 0.5")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[-1].split()[1] == "100%"


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def interrupt(_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "explain", interrupt)
    status, _, err = call(capsys, "explain", "x", "--at", "x=1")
    assert (status, err) == (130, "interrupted\n")


def test_methods_and_builtins_as_targets(capsys: Any, model: Path) -> None:
    Path("k.py").write_text(
        "class Model:\n    scale = 2.0\n    def __call__(self, x=3.0): return self.scale * x * x\n"
        "    @staticmethod\n    def static(x=1.0): return x ** 3\n"
        "model = Model()\nbare = dict.fromkeys\n",
        encoding="utf-8",
    )
    assert call(capsys, "check", "k.py:model")[0] == 0
    assert call(capsys, "check", "k.py:Model.static")[0] == 0
    status, _, err = call(capsys, "check", "k.py:Model.nothing")
    assert status == 2
    assert "Model.nothing" in err
    Path("empty.py").write_text("", encoding="utf-8")
    assert "defines no function" in call(capsys, "check", "empty.py:f")[2]


def test_nothing_that_the_program_prints_lands_in_the_document(tmp_path: Path) -> None:
    path = tmp_path / "noisy.py"
    path.write_text(
        "import ctypes, os\n"
        "c = ctypes.CDLL(None) if os.name == 'posix' else None\n"
        "print('IMPORT')\n"
        "def f(x):\n"
        "    print('PRINT'); os.write(1, b'WRITE\\n'); os.system('echo SHELL')\n"
        "    c and c.printf(b'PRINTF\\n')\n"
        "    return x * x\n",
        encoding="utf-8",
    )
    done = run("explain", f"{path}:f", "--at", "x=1.5", "--detail", "brief", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["schema"] == "chainrule-derivation/1"
    assert "PRINT" in done.stderr
    assert "WRITE" in done.stderr


@pytest.mark.parametrize("expression", ["-x", "-(x**2)", "-sum(x*log(x))", "- x", "-2*x"])
def test_an_expression_may_begin_with_a_minus(expression, capsys):
    for command in ("explain", "check"):
        assert main([command, expression, "--at", "x=3"]) == 0
    assert main(["explain", "--at", "x=3", expression, "--mode", "forward"]) == 0
    assert "−" in capsys.readouterr().out

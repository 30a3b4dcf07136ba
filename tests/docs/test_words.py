"""README and CONTRIBUTING say what is so: their code runs, their output is real.

``python tests/docs/test_words.py`` writes the README's derivation anew.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from chainrule.cli.main import build_parser

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DERIVATION = ["explain", "x*sin(x)", "--at", "x=2"]
_BLOCK = re.compile(r"(?<=<!-- derivation -->\n).*?(?=<!-- /derivation -->)", re.DOTALL)


def blocks(path: Path, language: str) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def printed() -> str:
    """Return the README's block as the command prints it now, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "chainrule", *DERIVATION], capture_output=True, timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return f'```\n$ chainrule explain "x*sin(x)" --at x=2\n{done.stdout.decode()}```\n'


def test_the_tour_runs_and_prints_what_it_says() -> None:
    (tour,) = blocks(README, "python")
    test = doctest.DocTestParser().get_doctest(tour, {}, "README.md", "README.md", 0)
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    runner.run(test)
    assert runner.failures == 0
    assert len(tour.splitlines()) <= 32


def test_the_derivation_is_what_the_command_prints() -> None:
    found = _BLOCK.search(README.read_text(encoding="utf-8"))
    assert found is not None
    assert found[0] == printed(), "write it anew: python tests/docs/test_words.py"


def test_the_two_commands_are_there() -> None:
    text = README.read_text(encoding="utf-8")
    assert 'pip install ".[demo]" && chainrule demo' in text
    assert 'pip install -e ".[test]" && pytest' in text
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "test-command" in ci


def test_the_commands_of_the_readme_are_known() -> None:
    commands = re.findall(r"^chainrule (.*?)(?:  +#.*)?$", README.read_text("utf-8"), re.MULTILINE)
    assert len(commands) >= 4
    for line in commands:
        build_parser().parse_args(shlex.split(line))


def test_an_op_is_added_in_one_place() -> None:
    """Run the recipe of CONTRIBUTING, in a process of its own: it declares an op."""
    program = "\n".join(blocks(ROOT / "CONTRIBUTING.md", "python"))
    program += (
        "\nimport mpmath\n"
        "exact = mpmath.diff(lambda x: mpmath.atan(mpmath.sinh(x)) ** 2, 0.5)\n"
        "assert abs(chainrule.grad(f)(x)[0] - float(exact)) < 1e-14\n"
        "print(check_op(op))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "the Gudermannian" in done.stdout
    assert int(done.stdout.split()[-1]) > 0


def test_links_lead_somewhere() -> None:
    for path in [README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(_BLOCK.sub(lambda _: printed(), text), encoding="utf-8")

"""The habits of the house, as tests: floors, lint, types, and a light import."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def tool(name: str) -> str:
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("mypy",), ("lint-imports",)],
    ids=["lint", "types", "floors"],
)
def test_the_house_is_in_order(command: tuple[str, ...]) -> None:
    done = run(tool(command[0]), *command[1:])
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_import_is_light() -> None:
    """Importing chainrule loads none of what only some calls need."""
    heavy = ("scipy", "sympy", "matplotlib", "rich", "llvmlite", "sklearn", "argparse")
    program = (
        "import sys, numpy\nbefore = set(sys.modules)\nimport chainrule\n"
        f"print([m for m in {heavy} if m in sys.modules and m not in before])"
    )
    done = run(sys.executable, "-W", "error", "-c", program)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_package_is_typed() -> None:
    spec = find_spec("chainrule")
    assert spec is not None
    assert spec.origin is not None
    assert (Path(spec.origin).parent / "py.typed").exists()

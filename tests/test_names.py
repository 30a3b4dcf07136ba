"""The public names are what they say, in whatever order they are first used."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule

LATE = ("chainrule.draw(f, 2.0)", "chainrule.check_grads(f, (2.0,))", "import chainrule.explain",
        "from chainrule.explain import Derivation", "import chainrule.cli.main")  # fmt: skip
PAIRS = ["", *LATE, *("; ".join(pair) for pair in itertools.combinations(LATE[:3], 2))]


@pytest.mark.parametrize("first", PAIRS)
def test_explain_is_a_function_whatever_was_imported_before(first: str) -> None:
    program = (
        "import inspect, chainrule\nf = lambda x: x * x\n"
        f"{first}\n"
        "d = chainrule.explain(f, 2.0, argnums=0)\n"
        "assert d.gradient == 4.0\n"
        "assert callable(chainrule.explain)\n"
        "assert 'argnums' in inspect.signature(chainrule.explain).parameters\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there() -> None:
    for name in chainrule.__all__:
        assert getattr(chainrule, name) is not None
    assert set(chainrule.__all__) <= set(dir(chainrule))


def test_the_engine_asks_for_all_classes_of_tracers() -> None:
    """``type(x) is Tracer`` holds of no tracer, and what is the engine's is called ``cr_…``."""
    old = re.compile(r'\b(is|is not|==) (tracers\.)?Tracer\b|(?<!class )\bTracer\(|r\(\w+, "owner"')
    for file in Path(chainrule.__file__).parent.rglob("*.py"):
        found = old.search(file.read_text())
        assert found is None, f"{file}: {found}; ask type(x) in TRACERS, and cr_owner"

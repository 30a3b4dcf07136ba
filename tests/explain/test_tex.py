"""KaTeX, a real engine, reads every formula that is printed in Markdown and LaTeX.

It is an npm package, which `.ci/run` installs and names in CHAINRULE_KATEX; elsewhere
``npm install katex`` in the root of the repository will do.
"""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy import linalg

from chainrule.errors import ChainRuleError
from chainrule.explain import explain
from chainrule.explain.latex import plain
from tests.everyday.collect import programs

from . import worked
from .programs import Program

ROOT = Path(__file__).parents[2]
SCRIPT = """
const katex = require('katex'), wrong = [];
JSON.parse(require('fs').readFileSync(0, 'utf8')).forEach((formula) => {
  try { katex.renderToString(formula, {throwOnError: true, strict: 'ignore', maxExpand: 1e9}); }
  catch (error) { wrong.push([formula, error.message]); }
});
console.log(JSON.stringify(wrong));
"""


def unreadable(formulas):
    """Return the formulas that KaTeX does not read, with its words."""
    modules = Path(os.environ.get("CHAINRULE_KATEX", ROOT)) / "node_modules"
    if shutil.which("node") is None or not (modules / "katex").is_dir():
        assert not os.environ.get("CHAINRULE_KATEX"), "KaTeX was to be installed, and is not there"
        pytest.skip("KaTeX is not installed: npm install katex")
    done = subprocess.run(
        ["node", "-e", SCRIPT], input=json.dumps(formulas), capture_output=True, text=True,
        env={**os.environ, "NODE_PATH": str(modules)}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def formulas_of(derivation):
    markdown = re.sub(r"`[^`]*`", "", derivation.markdown()).replace("\\$", "").replace("\\|", "|")
    latex = derivation.latex().split("\\begin{document}")[1].replace("\\$", "")
    for text in (markdown, latex):
        assert text.count("$") % 2 == 0
        yield from re.findall(r"\$([^$]*)\$", text)


def layers(W, x):
    a = x
    for _ in range(3):
        a = np.tanh(W @ a) ** 2 + a
    return a


def network(W, x):
    a = layers(W, x)
    return np.sum(np.linalg.inv(W).T @ a + np.linalg.solve(W.T, a) ** 3) * np.linalg.det(W.T) ** 2


def outer(x):
    y = x
    for _ in range(2):
        y = y**x
    return np.sum(np.outer(y, y).T ** 2 @ y)


CASES = {
    "net": (worked.net, worked.point()), "batch": (worked.batch, worked.batch_point()),
    "layers": (lambda W: np.sum(layers(W, np.ones(2))), (np.eye(2) * 0.5 + 0.1,)),
    "inverse": (lambda W: network(W, np.ones(2)), (np.eye(2) * 0.5 + 0.1,)),
    "outer": (outer, (np.array([1.5, 0.7]),)),
    "names": (lambda p: p["a b"] * p["x_1'"] + p["%&#$"] ** 2 + p["é"] * p["θ_x"],
              (dict.fromkeys(("a b", "x_1'", "%&#$", "é", "θ_x"), 1.5),)),
    "constants": (lambda x: np.sin(np.pi * x) ** 2 / 3 + np.e**x + x ** (2 / 3), (0.4,)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_worked_documents(name):
    function, point = CASES[name]
    assert unreadable(list(formulas_of(explain(function, *point, mode="both")))) == []


@pytest.mark.seeds(4, 100)
def test_random_programs(block):
    formulas = []
    for seed in range(block * 5, block * 5 + 5):
        program = Program(seed)
        argnums = tuple(range(len(program.args)))
        formulas += formulas_of(explain(program.function, *program.args, argnums=argnums))
    assert unreadable(formulas) == []


@pytest.mark.filterwarnings("ignore")
def test_everyday_programs_of_every_field():
    """One of each field; all 374 were read when this was written."""
    seen, formulas = {}, []
    for program in programs().values():
        seen[program.field] = seen.get(program.field, 0) + 1
        if seen[program.field] > 1:
            continue
        with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(ChainRuleError):
            formulas += formulas_of(explain(program.function, program.points[0]))
    assert len(formulas) > 3000
    assert unreadable(formulas) == []


def test_the_engine_sees_a_double_superscript():
    assert len(unreadable(["a^{(1)}^{\\top}", "\\delta^{1}^{\\top}", "x^{2}"])) == 2


SHOWN = sorted({c for file in (ROOT / "src" / "chainrule").rglob("*.py")
                for c in file.read_text(encoding="utf-8") if not c.isascii()})  # fmt: skip


def test_no_character_is_lost():
    for c in SHOWN:  # all that the library itself may print
        written = plain(f"a{c}b")
        assert written.isascii()
        assert "?" not in written
        assert "[U+" not in written, c
        assert len(written) > 2
    assert plain("中") == "[U+4E2D]"
    assert plain("v₁₉, x̄, Fréchet, λ? ᵢⱼ") == (
        "v$_{19}$, $\\bar{x}$, Fr\\'{e}chet, $\\lambda$? $_{ij}$")


@pytest.mark.parametrize("f", [
    lambda A: np.sum(np.linalg.eigvalsh(A)), lambda A: np.sum(np.linalg.cholesky(A)),
    lambda A: np.sum(linalg.expm(A)), lambda A: np.sum(np.linalg.eigh(A)[1] ** 2),
    lambda A: np.sum(np.maximum((A - 1) * 2 + 1, 1)), lambda A: np.sum(np.linalg.pinv(A)),
    lambda A: np.linalg.lstsq(A, np.ones(2), rcond=None)[0][0],
])  # fmt: skip
def test_no_question_mark_in_latex(f):
    assert "?" not in explain(f, np.array([[2.0, 1.0], [1.0, 3.0]])).latex()
    assert unreadable(list(formulas_of(explain(f, np.array([[2.0, 1.0], [1.0, 3.0]]))))) == []


def test_a_name_may_be_an_underscore():
    def f(x):
        _ = x * 2
        return _ * x

    assert unreadable(list(formulas_of(explain(f, 1.5)))) == []

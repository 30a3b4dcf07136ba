"""Costs are those of a plain run, whose numbers count; paths are those of the printed graph."""

import re

import numpy as np
import pytest

from chainrule.core import registry
from chainrule.explain import explain
from chainrule.explain.costs import ADDED, ARITHMETIC, MOVES, REDUCTIONS, RUNNING
from chainrule.testing.samples import cases
from chainrule.testing.structure import bound

from .counting import operations
from .programs import Program

pytestmark = pytest.mark.filterwarnings("ignore")


def newton(a):
    x = a
    while abs(x * x - a) > 1e-9:
        x = x - (x * x - a) / (2 * x)
    return x


def decided(x):
    y = x * x
    if y > 1 and x < 10:
        y = y + 1
    return max(y, 2 * x)


vector, square = np.array([1.5, 2.0, 3.0]), np.array([[1.0, 2.0], [3.0, 5.0]])
PROGRAMS = {
    "cumsum": (lambda x: np.cumsum(x)[-1], vector), "cumprod": (lambda x: np.cumprod(x)[1], vector),
    "cumsum of rows": (lambda x: np.cumsum(x, axis=1)[1, 1], square),
    "sum": (np.sum, square), "prod": (np.prod, vector), "max": (np.max, vector),
    "matmul": (lambda x: (x @ x)[0, 0], square), "dot": (lambda x: x @ x, vector),
    "outer": (lambda x: np.outer(x, x)[0, 1], vector), "diag": (lambda x: np.diag(x)[0, 0], vector),
    "stack": (lambda x: np.stack([x, 2 * x])[1, 0], vector), "trace": (np.trace, square),
    "concatenate": (lambda x: np.concatenate([x, x])[0] * 2, vector),
    "branch": (decided, 3.0), "loop": (newton, 2.0), "function": (lambda x: np.exp(x) * x, 1.0),
    "pad": (lambda x: np.pad(x, 1)[1] * x[0], vector), "tile": (lambda x: np.tile(x, 2)[3], vector),
    "add.at": (lambda x: np.repeat(x, 2)[1] + np.flip(x)[0], vector),
    "comparison": (lambda x: x * (x > 1), 2.0), "triu": (lambda x: np.triu(x)[0, 1], square),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_value_costs_what_a_plain_run_takes(name):
    f, x = PROGRAMS[name]
    value = explain(f, x).document["cost"]["value"]
    assert value["uncounted"] == {}
    assert value["total"] == operations(f, x)


@pytest.mark.seeds(40, 400)
def test_random_programs_cost_what_a_plain_run_takes(seed):
    program = Program(seed)
    if ", 0.1)" in program.source:  # a plain 0.1 that was chosen does not count
        return
    argnums = tuple(range(len(program.args)))
    value = explain(program.function, *program.args, argnums=argnums).document["cost"]["value"]
    plain = operations(program.function, *program.args)
    assert value["uncounted"] == {}
    assert value["total"] == plain, program.source


def test_what_only_moves_numbers_is_free():
    """An operation that gives back its arguments' own numbers and zeros is among the moves."""
    chosen = frozenset("max min maximum minimum fmax fmin copysign".split())  # after comparisons
    registry.load_all()
    rng, found = np.random.default_rng(0), set()
    for op in registry.ops():
        ran = 0
        for case in cases(op, np.float64):
            try:
                inputs, params = bound(case)
                drawn = [rng.uniform(-3, 3, np.shape(x))[()]
                         if np.asarray(x).dtype.kind == "f" else x for x in inputs]
                out = np.asarray(op.value(*drawn, **params))
            except Exception:
                continue
            if out.dtype.kind != "f" or op.outputs or not out.size:
                continue
            own = {0.0, *np.concatenate([np.ravel(d) for d in drawn]).tolist()}
            if not out.any() or not own >= set(out.ravel().tolist()):
                break
            ran += 1
        else:
            found |= {op.name} if ran else set()
    assert found - MOVES - chosen == set()
    assert {"stack", "concatenate", "transpose"} <= found
    names = {op.name for op in registry.ops()}
    counted = MOVES | ARITHMETIC | REDUCTIONS | RUNNING | ADDED
    assert counted - names == set()


# --- paths ----------------------------------------------------------------------------------------


def paths_of(document, of):
    """Count paths from the output to an input in the printed edges; return also their edges."""
    after = {}
    for e in document["edges"]:
        after.setdefault(e["from"], []).extend(e.get("parts", [e["to"]]))

    def paths(node):
        return sum(map(paths, after[node])) if after.get(node) else 1

    reached, stack = set(), [of]
    while stack:
        node = stack.pop()
        if node not in reached:
            reached.add(node)
            stack += after.get(node, [])
    return paths(of), sum(len(after.get(n, [])) for n in reached)


PATHS = {
    "parts": (lambda A: np.sum(np.linalg.eigh(A)[0]) + np.linalg.eigh(A)[1][0, 0], square + 4),
    "both": (lambda A: (lambda p: np.sum(p[0]) * p[1][0, 0])(np.linalg.eigh(A)), square + 4),
    "one": (lambda A: np.linalg.eigh(A)[1][0, 0], square + 4),
    "shared": (lambda x: (lambda u: u * u + u * x)(np.sin(x)), 0.7),
    "svd": (lambda A: (lambda p: (p[0] @ np.diag(p[1]) @ p[2])[0, 1])(np.linalg.svd(A)), square),
}  # fmt: skip


@pytest.mark.parametrize("name", PATHS)
def test_paths_and_their_edges_are_counted(name):
    f, x = PATHS[name]
    check_paths(explain(f, x))


@pytest.mark.seeds(40, 400)
def test_paths_of_random_programs(seed):
    program = Program(seed)
    check_paths(explain(program.function, *program.args, argnums=tuple(range(len(program.args)))))


def check_paths(derivation):
    said = re.findall(r"— ([\d,]+) paths?, over ([\d,]+) edges?", derivation.text())
    for (n, edges), row in zip(said, derivation.document["paths"], strict=True):
        counted = paths_of(derivation.document, row["of"])
        assert (int(n.replace(",", "")), int(edges.replace(",", ""))) == counted

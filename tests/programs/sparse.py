"""Random programs on sparse matrices of all seven forms: made, changed, stored into, read.

`programs` writes them, `told` lets a program say everything that can be seen of its matrices:
classes, forms, the places in their order, and the numbers.
"""

import linecache
import random
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csgraph

FORMS = ("csr", "csc", "coo", "dia", "bsr", "lil", "dok")
DENSE = "d = np.outer(x, x)"
SEVEN = "d = np.arange(1.0, 8) * x[0] + x[1] * np.array([3.0, 1, 4, 1, 5, 9, 2]) * x[2]"
FIVE = "d = (np.arange(1.0, 6)[:, None, None] * x[0] + x[1]) * np.ones((5, 1, 1))"
ZEROS = ("{0}[::3] = 0.0", "{0}[[0, 2]] = 0.0", "{0}[-1] = 0.0", "{0}[abs({0}) < 4] = 0.0",
         "{0}[:] = 0.0")  # fmt: skip
ROWS = ("[2, 0, 1, 1, 0, 2, 0]", "[0, 2, 0, 1, 1, 2, 0]", "[2, 0, 2, 1, 0, 2, 2]",
        "[0, 1, 2, 0, 1, 0, 2]")  # fmt: skip
COMPRESSED = [(SEVEN, f"A = {{}}((d, np.array({r}), np.array([0, 3, 5, 7])), shape=(3, 3){{}})")
              for r in ROWS]  # fmt: skip
MADE: dict[str, list[tuple[str, ...]]] = {
    "csr": [*COMPRESSED, (DENSE, "A = {}(np.triu(d))")],
    "csc": [*COMPRESSED, (DENSE, "A = {}(np.triu(d))")],
    "coo": [
        *((SEVEN, f"A = {{}}((d, (np.array({r}), np.array({c}))), shape=(3, 3){{}})")
          for r in ROWS[1:3] for c in ROWS[::2]),
        (DENSE, "A = {}(np.triu(d))"),
    ],
    "dia": [
        *(("d = np.stack([x * 2, x * 3])", f"A = {{}}((d, [{k}]), shape=(3, 3){{}})")
          for k in ("0, 1", "1, -2", "1, 0", "-1, 2")),
        ("d = x * 2", "A = sp.diags_array([d, x[:2]], offsets=[0, -1])"),
        ("d = x * 2", "A = sp.diags([d, x[:2]], offsets=[1, -2], shape=(3, 3))"),
        (DENSE, "A = {}(np.tril(d))"), ("d = np.stack([x[:2], x[1:]])",
                                        "A = {}((d, [1, 0]), shape=(3, 3){})"),
    ],
    "bsr": [
        *((FIVE, f"A = {{}}((d, np.array({r}), np.array([0, 2, 3, 5])), shape=(3, 3){{}})")
          for r in ("[0, 1, 2, 1, 0]", "[2, 1, 1, 1, 0]", "[1, 1, 0, 2, 2]")),
        ("d = np.outer(x, x).reshape(3, 1, 3)",
         "A = {}((d, np.array([0, 0, 0]), np.array([0, 1, 2, 3])), shape=(3, 3){})"),
        (DENSE, "A = {}(np.triu(d))"),
    ],
    "lil": [(DENSE, "A = {}(np.triu(d))"),
            ("d = x * 2", "A = {}((3, 3))", "A[0, 1] = d[0]", "A[2, 0] = d[1]")],
}  # fmt: skip
MADE["dok"] = MADE["lil"]
# {0} and {1} are matrices made before, {2} is a form, {3} array or matrix
OPERATIONS = (
    "{0} * 2.0", "{0} * x[0]", "x[1] * {0}", "{0} / x[2]", "-{0}", "abs({0})", "{0}.T",
    "{0}.transpose(copy=True)", "{0}.astype(float)", "{0}.astype(float, copy=False)", "{0}.conj()",
    "{0}.conjugate(copy=False)", "{0}.copy()", "{0}.real", "{0}.power(2)", "{0}.sqrt()",
    "{0}.floor() + {0}", "{0}.reshape(3, 3)", "{0}.reshape(1, -1).reshape(3, 3)",
    "{0}.asformat('{2}')", "{0}.asformat('{2}', copy=True)", "{0}.to{2}()", "{0}.to{2}(copy=True)",
    "{0}.to{2}(copy=False)", "sp.{2}_{3}({0})", "sp.{2}_{3}({0}, copy=True)", "type({0})({0})",
    "{0}.multiply(D)", "{0}.multiply(np.outer(x, x) + D)", "{0}.multiply(x)", "sp.tril({0})",
    "sp.triu({0}, format='{2}')", "sp.tril({0}, k=-1, format='{2}')", "{0}.maximum(2.0 * {0})",
    "{0}[[2, 0, 1]]", "{0}[:, [2, 0, 0]]", "{0}[::-1]", "{0}[:]", "csgraph.laplacian({0})",
    "csgraph.laplacian({0}, symmetrized=True)", "csgraph.laplacian({0}, normed=True)",
    "{0}.tobsr((1, 1))", "{0}.tobsr(blocksize=(3, 1))", "{0} ** 2", "{0} @ P", "P @ {0}", "{0} + P",
    "P - {0}", "{0}.multiply(P)", "P.multiply({0})", "sp.eye_array(3, format='{2}') * x[0] + {0}",
    "{0} @ sp.eye_array(3, format='{2}')", "sp.diags_array({0}.diagonal())",
    "{0} - sp.eye_array(3, format='{2}')", "{0} + {1}", "{0} - {1}", "{0} @ {1}",
    "{0}.multiply({1})", "{0}.maximum({1})", "{0}.minimum({1})", "{0} + {1}.T",
    "sp.vstack([{0}, {1}], format='{2}')", "sp.hstack([{0}, {1}], format='{2}')",
    "sp.hstack([{0}, {1}])[:, :3]", "sp.block_diag([{0}, {1}], format='{2}')", "sp.kron({0}, {1})",
    "sp.kron({0}, {1}, format='{2}')", "sp.kron({0}, np.ones((2, 2)))", "sp.kronsum({0}, {1})",
    "sp.block_array([[{0}, None], [None, {1}]], format='{2}')", "1.0 * ({0} > 2.0)",
    "{0} * ({0} != {1}).nnz",
    "sp.diags_array({0} @ x)", "sp.diags_array({0}.T @ x[: {0}.shape[0]], format='{2}')",
    "sp.diags_array({0} @ np.outer(x, x)[0])", "{0}.sorted_indices()", "{0} - {0}", "{0} * 0.0",
    "sp.csr_{3}(({0}.data, {0}.indices, {0}.indptr), shape={0}.shape)",
)  # fmt: skip
CHANGES = (
    "{0}.data[0] = 3.0", "{0}.data[-1] = x[1]", "d[0] = 5.0", "d[-1] = x[0] * x[1]", "{0} *= x[0]",
    "{0} /= x[1]", "{0}.data *= x[2]", "{0}.data = {0}.data * x[0]", "{0}.setdiag(x)",
    "{0}.setdiag(x[0], 1)", "{0}.sum_duplicates()", "{0}.sort_indices()", "{0}.eliminate_zeros()",
    "{0}[0, 1] = x[0] * 5", "{0}[1, 0] = 4.0", "{0}[1] = x", "{0}.resize(3, 2)", "{0}.prune()",
    "{0}.resize(4, 4)", "{0} += 1.0 * {0}", "{0}.data += 1.0", "{0}.max()", "{0}.sum(axis=0)",
    "{0}.diagonal()", "{0} @ x", "sp.linalg.norm({0})", "{0}.nonzero()", "{0}.mean()",
)  # fmt: skip
# what stores zeros, and what takes entries away or sorts them in place
STRUCTURE = (
    *(zeros.format("{0}.data") for zeros in ZEROS),
    "{0}.setdiag(0)", "{0}.setdiag(0.0, k=-1)", "{0}[0, 1] = 0.0", "{0}[1] = 0.0", "{0} *= 0.0",
    "{0}[{0} > 4.0] = 0.0", "{0}.data *= np.sign({0}.data - 4.0) > 0", "{0}.resize(2, 3)",
    "{0} -= 1.0 * {0}", "{0}.data[1] = x[0]", "{0}.data *= x[1]", "{0} *= x[0]",
    "{0}.has_canonical_format, {0}.has_sorted_indices", "{0}.sum_duplicates()", "{0}.prune()",
    "{0}.has_canonical_format = False", "{0}.has_sorted_indices = False",
    "{0}.sort_indices()", "{0}[1, 1] = x[2]", *6 * ("{0}.eliminate_zeros()",),
)  # fmt: skip
CHANGES += STRUCTURE
PLAIN = sp.csr_array(np.array([[1.0, 0, 2], [0, 3, 0], [4, 0, 5]]))


def told(matrices: list[Any], data: Any, said: list[Any]) -> Any:
    """Return the numbers that can be seen of the matrices, and say what else can be."""
    parts = [np.ravel(data)]
    for m in matrices:
        said.append((type(m).__name__, m.format, m.shape, int(m.nnz), m.dtype.name))
        if m.format not in ("lil", "dok"):
            for name in ("indices", "indptr", "offsets", "coords", "blocksize"):
                if hasattr(m, name):
                    said.append((name, np.asarray(getattr(m, name)).tolist()))
            said.append(np.shape(m.data))
            parts.append(np.ravel(m.data))
        entries = m.tocoo()
        said.append([places.tolist() for places in entries.coords])
        parts += [np.ravel(np.asarray(m.toarray())), entries.data]
    return np.concatenate(parts)


def lines_of(seed: int) -> tuple[list[str], list[str]]:
    """Return the lines of a program, and the names of its matrices."""
    draw = random.Random(seed)
    form, kind = draw.choice(FORMS), draw.choice(("array", "matrix"))
    copy = draw.choice(("", "", ", copy=True"))
    lines = [p.format(f"sp.{form}_{kind}", copy) for p in draw.choice(MADE[form])]
    if draw.random() < 0.5:
        lines.insert(1, draw.choice(ZEROS).format("d"))
    names, made, changes = ["A"], 0.68, CHANGES
    if draw.random() < 0.4:
        made, changes = 0.3, STRUCTURE
    for name in "BCEF"[: draw.choice((1, 1, 2, 2, 3, 4))]:
        given = draw.choice(names), draw.choice(names), draw.choice(FORMS)
        if draw.random() < made:
            line = draw.choice(OPERATIONS).format(*given, draw.choice(("array", "matrix")))
            lines.append(f"{name} = {line}")
            names.append(name)
        else:
            lines.append(draw.choice(changes).format(*given))
    if draw.random() < 0.5:
        lines.append(draw.choice(changes).format(draw.choice(names)))
    return lines, names


def programs(seeds: Iterable[int]) -> Iterable[tuple[str, Callable[[Any, list[Any]], Any]]]:
    """Return the text of each program, and its function."""
    for seed in seeds:
        lines, names = lines_of(seed)
        lines.append(f"return told([{', '.join(names)}], d, said)")
        text = "def f(x, said):\n" + "".join(f"    {line}\n" for line in lines)
        file = f"<sparse program {seed}>"
        linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
        space: dict[str, Any] = {
            "np": np, "sp": sp, "csgraph": csgraph, "told": told, "P": PLAIN.copy(),
            "D": np.arange(1.0, 10).reshape(3, 3),
        }  # fmt: skip
        exec(compile(text, file, "exec"), space)
        yield text, space["f"]

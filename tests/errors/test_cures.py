"""Every cure is tried: applied to the program that provoked it, it gives the right derivative.

Where an error prints code, the test puts that code into the program, as a user would paste it.
`untried.txt` lists the cures that no program can provoke, each with the reason.
"""

import ast
import functools
import linecache
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainRuleError

from .common import clean, reads_well
from .cure_calls import CALLS
from .cure_programs import CODE, PLAINLY, STORES, WORDS
from .cure_sites import matches, sites

X = np.array([0.7, 1.3, 0.4])
UNTRIED = Path(__file__).with_name("untried.txt")
HEAD = """
import array, cmath, ctypes, decimal, fractions, functools, io, json, marshal, math, pickle, random
import statistics, struct
import numpy as np, scipy, scipy.fft as sp_fft, scipy.integrate, scipy.interpolate as si
import scipy.linalg as sl, scipy.ndimage, scipy.optimize, scipy.signal, scipy.sparse as sp
import scipy.sparse.linalg as spla, scipy.spatial, scipy.special as special, scipy.stats
import scipy.special
import scipy.sparse.csgraph as csgraph
import chainrule as cr
X = np.array([0.7, 1.3, 0.4])
import scipy.linalg.blas as blas
import scipy.special.cython_special as compiled
kept, data = [], np.zeros((3))
W = np.array([[2, 1, 0], [1, 1, 1], [0, 1, 2]])
class box:
    buf = np.zeros((3, 2))[:, 0]
from scipy.spatial.transform import Rotation
import copy, dataclasses, dask.array as da
def checked(run):
    with cr.checked():
        return run()
class Weight:
    def __init__(self, w):
        self.w = w
@dataclasses.dataclass
class Drawn:
    w: float
    def __post_init__(self):
        self.noise = self.w + np.random.normal()
@dataclasses.dataclass
class Given:
    w: float
    noise: float
class Shuffler(np.random.Generator):
    pass
class Steps(scipy.integrate.RK45):
    pass
libm = ctypes.CDLL("libm.so.6")
libm.cos.restype, libm.cos.argtypes = ctypes.c_double, (ctypes.c_double,)
cosine = scipy.LowLevelCallable(libm.cos)
_packed = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.POINTER(ctypes.c_double))
packed = scipy.LowLevelCallable(_packed(lambda n, xx: xx[0] ** 2 * xx[1]))
"""
_made = iter(range(10**6))


def function_of(body: str) -> str:
    """Write the function as `ast` does, as cures are written."""
    return ast.unparse(ast.parse("def f(x):\n" + "".join(f"    {b}\n" for b in body.split("\n"))))


def program(body: str) -> Any:
    """Compile ``def f(x): body`` with the source known, as a file of the user's is."""
    name = f"/user/program{next(_made)}.py"
    text = HEAD + function_of(body) + "\n"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space: dict[str, Any] = {"__name__": "user"}
    exec(compile(text, name, "exec"), space)
    return space["f"]


class Frozen:
    """`chainrule`, but what is declared constant stays what it was at the first run."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.at, self.first = 0, True

    def __getattr__(self, name: str) -> Any:
        return getattr(cr, name)

    def stop_gradient(self, value: Any) -> Any:
        if self.first:
            self.values.append(cr.stop_gradient(value))
        self.at += 1
        return self.values[self.at - 1]


def right(f: Any) -> None:
    """Compare the gradient at X with differences, in which what is to be constant is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = np.asarray(cr.grad(f)(X.copy()))
        frozen = f.__globals__["cr"] = Frozen()

        def plain(x: Any) -> Any:
            frozen.at = 0
            return f(x)

        plain(X.copy())
        frozen.first = False
        rows = []
        for e in np.eye(3):
            a, b = ((plain(X + h * e) - plain(X - h * e)) / (2 * h) for h in (1e-3, 5e-4))
            rows.append((4 * b - a) / 3)
        f.__globals__["cr"] = cr
    np.testing.assert_allclose(found, np.array(rows, float), rtol=2e-5, atol=1e-7)


def provoked(run: Any, name: str = "") -> ChainRuleError:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ChainRuleError) as caught:
            run()
    error = caught.value
    reads_well(error)
    assert f"{name}:" in error.where, str(error)
    clean()
    return error


def applied(body: str, cure: str, filling: str) -> str:
    """Put the code that a cure prints into the program, in the place of what stands there."""
    source = "\n".join(line[4:] for line in function_of(body).splitlines()[1:])
    found = re.search(r"write (.+) in the place of (.+?)(?:; or, .*)?$", cure)
    own = re.search(r"write (\w+) = (np.copy\((.+?)\)) ", cure)
    if own:
        name, copied, held = own.groups()
        lines = source.splitlines()
        first = max(i for i, line in enumerate(lines) if held in line and "return" not in line)
        lines[first:] = [line.replace(held, name) for line in lines[first:]]
        return "\n".join([*lines[:first], f"{name} = {copied}", *lines[first:]])
    if found:
        new, old = found.groups()
    elif "custom_rule(" in cure and filling:
        new = re.search(r"write (.+), in which … is", cure)[1].replace("…", filling)  # type: ignore[index]
        call: Any = ast.parse(new, mode="eval").body
        function = call.func.args[0]
        call.func = function
        old = ast.unparse(call)
        if isinstance(function, ast.Lambda):  # it takes a part of what the call gives
            old = ast.unparse(function.body)
            params = [a.arg for a in function.args.args]
            for name, given in zip(params, call.args, strict=True):
                old = re.sub(rf"\b{name}\b", lambda _, g=given: ast.unparse(g), old, count=1)  # type: ignore[misc]
    elif "an operator asks" in cure:
        new = re.search(r"write (.+?): an operator", cure)[1]  # type: ignore[index]
        product: Any = ast.parse(new, mode="eval").body
        old = f"{ast.unparse(product.left)}.dot({ast.unparse(product.right)})"
    else:
        said = r"(?:^|; )(?:or, )?(?:where no derivative is meant, )?(?:write )?"
        end = r"(?:: which|: a hash|: what|, and so|$)"
        new = re.search(said + r"([^;]*stop_gradient.*?)" + end, cure)[1]  # type: ignore[index]
        plain = _thawed(ast.parse(new, mode="eval").body)
        nodes = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.expr)]
        old = next(ast.unparse(n) for n in nodes if _thawed(n) == plain)
    assert old in source, f"{old!r} is not in {source!r}: {cure}"
    return source.replace(old, new, 1)


def _thawed(node: ast.expr) -> str:
    return ast.unparse(_Thawed().visit(ast.parse(ast.unparse(node), mode="eval")))


class _Thawed(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        return node.args[0] if ast.unparse(node.func).endswith("stop_gradient") else node


@pytest.mark.parametrize("body", CODE, ids=str)
def test_printed_code_is_the_cure(body: str) -> None:
    f = program(body)
    for _ in range(3):
        error = provoked(lambda f=f: cr.grad(f)(X), f.__code__.co_filename)  # type: ignore[misc]
        print(error)  # shown where the cure does not fit
        body = applied(body, error.cure, CODE.get(body, ""))
        f = program(body)
        if not _cure(lambda f=f: cr.grad(f)(X)):  # type: ignore[misc]
            break
    right(f)


@pytest.mark.parametrize("body", PLAINLY, ids=str)
def test_printed_code_is_the_cure_without_doors(body: str) -> None:
    f = program(body)
    with cr.interpose(False):
        for _ in range(3):
            error = provoked(lambda f=f: cr.grad(f)(X), f.__code__.co_filename)  # type: ignore[misc]
            body = applied(body, error.cure, "")
            f = program(body)
            if not _cure(lambda f=f: cr.grad(f)(X)):  # type: ignore[misc]
                break
        right(f)


@pytest.mark.parametrize("body", STORES, ids=str)
def test_an_array_of_its_own_is_the_cure(body: str) -> None:
    f = program(body)
    try:
        cr.grad(f)(X)
    except ChainRuleError:
        error = provoked(lambda: cr.grad(f)(X), f.__code__.co_filename)
        f = program(applied(body, error.cure, ""))
    right(f)


@pytest.mark.parametrize(("before", "after"), WORDS, ids=[b for b, _ in WORDS])
def test_words_are_the_cure(before: str, after: str) -> None:
    f = program(before)
    provoked(lambda: cr.grad(f)(X), f.__code__.co_filename)
    right(program(after))


@pytest.mark.parametrize(("before", "after", "wanted"), CALLS, ids=[b for b, _, _ in CALLS])
def test_calls_after_the_cure(before: str, after: str, wanted: str) -> None:
    f = program("return " + before)
    provoked(lambda: f(X), f.__code__.co_filename)
    got, expected = program("return " + after)(X), program("return " + wanted)(X)
    np.testing.assert_allclose(np.asarray(got), np.asarray(expected), rtol=1e-12)


def untried() -> list[str]:
    """Return the cures that no program of the tables provokes."""
    cures = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for body in [b for b, _ in WORDS] + list(CODE):
            cures.append(_cure(functools.partial(cr.grad(program(body)), X)))
        for before, _, _ in CALLS:
            cures.append(_cure(functools.partial(program("return " + before), X)))
    return sorted(p for p in sites() if not any(matches(p, cure) for cure in cures))


def _cure(run: Any) -> str:
    try:
        run()
    except ChainRuleError as error:
        return error.cure
    return ""


def test_no_new_cure_without_a_program() -> None:
    lines = [line.split("  # ") for line in UNTRIED.read_text().splitlines()]
    assert all(len(line) == 2 for line in lines), "each has its reason"
    assert untried() == [cure for cure, _ in lines]

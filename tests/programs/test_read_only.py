# ruff: noqa: E501
"""What NumPy gives as read-only is read-only in a trace, and nothing else is.

Each expression makes an array; plainly, under `grad` and under `vmap` its flags are asked and a
store is tried. Where elements of the result are the same ones more than once, a store may be
refused in the words of this library.
"""

import ast
import warnings
from typing import Any

import numpy as np
import pytest

import chainrule as cr

ARGUMENTS = {
    "v": np.array([0.3, 0.9, 0.5]),
    "m": np.array([[0.3, 0.9, 0.5], [0.2, 0.4, 0.8], [0.7, 0.1, 0.6]]),
    "c": np.array([0.3 + 0.2j, 0.9 - 0.5j, 0.5 + 1j]),
}
MADE = """
x, x.T, x.real, x.imag, np.real(x), np.imag(x), x.real.imag, x.imag[1:], x.imag.T, x.imag.copy()
x.imag + 0, x.imag.real, np.zeros(3).imag, np.zeros(3)[:2].imag, np.zeros(3).real, np.imag(np.eye(2))
np.imag(np.sum(x)) + x, np.array(np.sum(x)).imag, np.array(np.sum(x)).real, np.transpose(np.sum(x))
np.broadcast_to(x[0], (3,)), np.broadcast_to(x, (2, *x.shape)), np.broadcast_to(x, x.shape)
np.broadcast_to(np.sum(x), ()), np.broadcast_to(np.sum(x), (1,)), np.broadcast_to(1.0, (3,))
np.broadcast_to(np.zeros(1), (3,)), np.broadcast_to(np.sum(x).imag, (2,))
np.broadcast_to(x[0], (3,)).real, np.broadcast_to(x[0], (3,)).imag, np.broadcast_to(x[0], (3,)).T
np.broadcast_to(x[0], (3,))[1:], np.broadcast_to(x[0], (3,)).copy(), np.broadcast_to(x[0], (3,)).view()
np.broadcast_to(x[0], (3,)).flat[:], np.broadcast_to(x[0], (3,))[[0, 1]], np.broadcast_to(x[0], 3).ravel()
np.asarray(np.broadcast_to(x[0], (3,))), np.require(np.broadcast_to(x[0], (3,)), requirements=["W"])
np.ascontiguousarray(np.broadcast_to(x[0], (3,))), np.squeeze(np.broadcast_to(x, (1, *x.shape)))
np.broadcast_arrays(x, x)[0], np.broadcast_arrays(x[0], x)[0], np.broadcast_arrays(x[:, None], x)[0]
np.broadcast_arrays(x[0], x)[1], np.broadcast_arrays(np.zeros(1), np.ones(3))[0], np.broadcast(x, x).size * x
np.meshgrid(x, x)[0], np.meshgrid(x, x, copy=False)[0], np.meshgrid(x, x, copy=False, sparse=True)[0]
np.diagonal(np.outer(x, x)), np.outer(x, x).diagonal(), np.diag(np.outer(x, x)), np.diag(x), np.diagflat(x)
np.linalg.diagonal(np.outer(x, x)), np.diagonal(np.eye(3)), np.trace(np.outer(x, x)) + x
np.einsum("i->i", x.ravel()), np.einsum("ii->i", np.outer(x, x)), np.einsum("ij->ji", np.outer(x, x))
tricks.sliding_window_view(x, 2, axis=0), tricks.sliding_window_view(np.zeros(3), 2)
tricks.as_strided(x, (2, 2), 2 * (x.itemsize,), writeable=False), tricks.as_strided(x), np.ravel(x), np.squeeze(x[:1])
x.flat[:], x.flat[[0]], x.flat.copy(), np.asarray(x.flat), np.asarray(np.outer(x, x).T.flat), np.array(x.flat)
x.reshape(-1), x.reshape(-1, order="F"), x.ravel("F"), x[...], x[:], x[0:0], x[None], x[0:1], x[0, ...]
np.expand_dims(x, 0), np.atleast_1d(x), np.atleast_2d(x), np.atleast_3d(x), np.atleast_1d(np.sum(x))
np.swapaxes(x[None], 0, 1), np.moveaxis(x[None], 0, 1), np.flip(x), np.rot90(x[None]), np.matrix_transpose(x[None])
np.asarray(x), np.asanyarray(x), np.array(x), np.copy(x), np.ascontiguousarray(x), np.require(x), x.view()
np.split(x, 3)[0], np.array_split(x, 2)[0], np.unstack(x)[0], np.nan_to_num(x, copy=False), x.conj()
np.real_if_close(x), np.conj(x), x.astype(x.dtype, copy=False), next(iter(x[None])), np.take(x, [0, 1])
np.frombuffer(b"12345678"), np.zeros_like(x), np.ones(3), np.indices((2,))[0], np.linspace(0, 1, 3)
np.where(True, x, x), np.tril(np.outer(x, x)), np.sum(x, axis=()), np.sum(x)[...], np.asarray(np.sum(x))
np.vectorize(lambda t: t)(x), np.apply_along_axis(lambda t: t, 0, x), np.triu(np.outer(x, x)), np.roll(x, 0)
np.pad(x, 0), np.tile(x, 1), np.repeat(x, 1), np.resize(x, 4), np.delete(x, []), np.fft.fft(x), np.sort(x)
np.linalg.svd(np.outer(x, x))[1], np.linalg.qr(np.outer(x, x) + np.eye(x.size))[0], np.atleast_1d(x[0])
""".strip().splitlines()  # fmt: skip
FROZEN = [  # statements that freeze, and then an array
    ("x.flags.writeable = False", "x"), ("x.flags.writeable = False", "x[:2]"),
    ("x.setflags(write=False)", "x"), ("x.setflags(write=False)", "x.copy()"),
    ("x.flags['WRITEABLE'] = False", "x.T"), ("y = x[:]; x.flags.writeable = False", "y"),
    ("x.flags.writeable = False; x.flags.writeable = True", "x"),
    ("x.flags.writeable = False; y = x[:]; x.flags.writeable = True", "y"),
    ("x.flags.writeable = False; y = x[:]; x.flags.writeable = True; y.flags.writeable = True", "y"),
    ("y = np.zeros(3); y.flags.writeable = False", "y"), ("y = x * 2; y.setflags(write=0)", "y"),
    ("y = x * 2; y.setflags(write=0)", "np.asarray(y)"), ("x.flags.writeable = False", "x.real"),
    ("y = x.imag.copy(); y.flags.writeable = False", "y"), ("y = x[:2]; y.setflags(write=0)", "x"),
    ("y = x[:2]; y.setflags(write=0)", "y"), ("y = x[:2]; y.setflags(write=0)", "y.ravel()"),
    ("x.flags.writeable = False", "np.require(x, requirements=['W'])"),
    ("x.flags.writeable = False", "x.astype(x.dtype)"), ("x.setflags(write=0)", "np.sin(x)"),
]  # fmt: skip


def outcome(y: Any) -> Any:
    if not isinstance(y, np.ndarray):
        return type(y).__name__
    flags = y.flags.writeable, y.flags["W"]
    try:
        y[...] = 3.0
    except ValueError:
        return *flags, "refused"
    except cr.errors.UnsupportedFunctionError:
        return *flags, "refused by us"
    return *flags, "stored"


def compare(made: str, name: str, freeze: str = "pass") -> None:
    x, seen = ARGUMENTS[name], []
    spaces = {"np": np, "tricks": np.lib.stride_tricks, "outcome": outcome, "seen": seen}
    source = f"def f(x):\n    {freeze}\n    seen.append(outcome({made}))\n    return np.sum(x.real)\n"
    exec(source, spaces)
    f: Any = spaces["f"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        f(x.copy())
        want = seen.pop()
        for mode in (cr.grad(f), cr.vmap(f), cr.vmap(cr.grad(f))):
            given = np.stack([x, 2 * x]) if "vmap" in repr(mode) else x
            try:
                mode(given.copy())
            except cr.errors.UnsupportedFunctionError:  # that the program caught it, or tricks
                assert want[-1] == "stored" or "as_strided" in made
            overlaps = (*want[:-1], "refused by us") if type(want) is tuple else want
            wanted = (want, overlaps) if want[-1] == "stored" else (want,)
            assert all(got in wanted for got in seen), (source, repr(mode), want, seen)
            assert want in seen or overlaps in seen, (source, repr(mode), want, seen)
            seen.clear()


def split(line: str) -> list[str]:
    """Return the expressions of a line: they are the elements of a tuple."""
    return [ast.unparse(e) for e in ast.parse(f"({line},)", mode="eval").body.elts]


@pytest.mark.parametrize("line", MADE)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_what_numpy_lets_be_written_and_nothing_else(line: str, name: str) -> None:
    for made in split(line):
        compare(made, name)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_flags_that_a_program_sets(name: str) -> None:
    for freeze, made in FROZEN:
        compare(made, name, freeze)

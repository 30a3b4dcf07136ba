"""Complex numbers: real and imaginary part, conjugate, angle.

These are linear over the real numbers only. Their rules are written without conjugation; where
the output is real the engine takes the real part of the tangent, which is all that is needed:
d Re z = Re dz, d Im z = Re(−i·dz). Pulled back: ȳ → ȳ + 0i, and ȳ → −i·ȳ.
"""

import math
from typing import Any

import numpy as np

from ...core.memory import own_copy
from ...core.op import Notation, Op, sample
from ...core.registry import add, composite, declare
from ...core.slots import Linear
from ..declare import EVERYWHERE, as_array, elementwise


def complex_numbers(*shape: int) -> Any:
    """Draw complex numbers, for samples."""

    def draw(rng: Any) -> Any:
        return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)

    return draw


_SAMPLES = (sample(complex_numbers(2, 3)), sample(complex_numbers()))

real_part = elementwise(
    None, 1.0, name="real_part", value=np.real, samples=(), text="Re",
    latex="\\operatorname{{Re}}", rule="d Re u = Re du", view="real",
)  # fmt: skip
imaginary_part = elementwise(
    None, -1j, name="imaginary_part", value=np.imag, samples=(), text="Im",
    latex="\\operatorname{{Im}}", rule="d Im u = Im du", view="imag",
)  # fmt: skip


def _complex_of(re: Any, im: Any) -> Any:
    if "c" in (np.result_type(re).kind, np.result_type(im).kind):
        raise TypeError("a complex number is made of two real ones")
    z = np.empty(np.broadcast_shapes(np.shape(re), np.shape(im)), np.result_type(re, im, 1j))
    z.real, z.imag = re, im
    return z[()]


complex_of = elementwise(
    None, 1.0, 1j, name="complex_of", value=_complex_of, domain=(EVERYWHERE,) * 2,
    text="complex", rule="d (a + i·b) = da + i db",
)  # fmt: skip
"""a + i·b, which keeps the signs of zeros: a product with 1j, and a sum, would not."""


def in_plane(z: Any) -> Any:
    """Turn real numbers into complex ones with the imaginary part +0."""
    z = as_array(z)
    return z if z.dtype.kind == "c" else complex_of(z, 0.0)


def _set_real(z: Any, part: Any) -> Any:
    z = own_copy(z)
    z.real = np.real(part)
    return z


def _set_imag(z: Any, part: Any) -> Any:
    z = own_copy(z)
    z.imag = np.real(part)
    return z


_STORE = "a store into one part passes the gradient on to what was stored, and keeps the other part"
set_real = Op(
    "set_real",
    _set_real,
    (
        Linear(transpose=lambda ct, _z, _p: 1j * np.imag(ct)),
        Linear(transpose=lambda ct, _z, _p: np.real(ct)),
    ),
    additive=True,
    complex=True,
    batch="store part",
    samples=(sample(complex_numbers(2, 3), (3,)),),
    notation=Notation(rule=_STORE),
)
add(set_real)
set_imag = Op(
    "set_imag",
    _set_imag,
    (
        Linear(transpose=lambda ct, _z, _p: np.real(ct)),
        Linear(transpose=lambda ct, _z, _p: -np.imag(ct)),
    ),
    additive=True,
    complex=True,
    batch="store part",
    samples=(sample(complex_numbers(2, 3), (3,)),),
    notation=Notation(rule=_STORE),
)
add(set_imag)


@composite(np.real, *_SAMPLES, sample((2, 3)))
def real(val: Any) -> Any:
    """Return the real part; a real array itself."""
    val = as_array(val)
    return real_part(val) if val.dtype.kind == "c" else val


@composite(np.imag, *_SAMPLES, sample((2, 3)))
def imag(val: Any) -> Any:
    """Return the imaginary part; zeros for a real array."""
    val = as_array(val)
    if val.dtype.kind == "c":
        return imaginary_part(val)
    zeros = np.zeros_like(val)
    if not isinstance(val, np.ndarray):
        return zeros[()]
    zeros.setflags(write=False)
    return zeros


conjugate = declare(
    Op(
        "conjugate",
        np.conjugate,
        (Linear(transpose=lambda ct, _x: np.conjugate(ct)),),
        function=np.conjugate,
        notation=Notation(
            "conj({0})", "\\overline{{{0}}}", 90, (0,), "the conjugate of the gradient comes back"
        ),
        samples=(*_SAMPLES, sample((2, 3))),
    )
)


@composite(np.angle, *_SAMPLES)
def angle(z: Any, deg: bool = False) -> Any:
    """Return the angle of a complex number, in radians or degrees."""
    turned = np.arctan2(np.imag(z), np.real(z))
    return turned * (180 / math.pi) if deg else turned


@composite(np.real_if_close, *_SAMPLES)
def real_if_close(a: Any, tol: float = 100) -> Any:
    """Return the real part where every imaginary part is small."""
    a = as_array(a)
    a = a if a.ndim else np.copy(a)  # an array, also of a number
    if a.dtype.kind != "c":
        return a
    if tol > 1:
        tol = tol * np.finfo(a.dtype).eps
    return np.real(a) if np.all(np.absolute(np.imag(a)) < tol) else a

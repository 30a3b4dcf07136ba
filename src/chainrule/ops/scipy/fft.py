"""SciPy's Fourier, cosine and sine transforms. Loaded with `scipy.fft`.

Eight operations over several axes stand behind all the functions: those of one or two axes are
the same with one or two. A cosine transform pulls back by a cosine transform: types 1 and 4 by
themselves, 2 and 3 by each other, up to factors at the ends where the basis is not orthogonal.

Reference: G. Strang, The discrete cosine transform, SIAM Review 41 (1999) 135–147.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import fft as sp_fft
from scipy._lib import uarray
from scipy.fft import _backend

from ...core.op import Const, Notation, Op, sample
from ...core.registry import add, composite
from ...core.slots import Linear
from ...errors import UnsupportedFunctionError
from ..batched import over_axes
from ..declare import as_array
from ..numpy.fft import complex_array
from ..numpy.layout import axes_in_range
from ..numpy.transforms import Axes, along, fit_shape, irfft_transpose, opposite, rfft_transpose

_SYMMETRIC = "the matrix of the transform is symmetric: the gradient is transformed alike"
_HALF = "the transpose puts back the half of the frequencies that is left out"
_COSINE = "the gradient is transformed by the partner type: 1 ⇄ 1, 2 ⇄ 3, 4 ⇄ 4"


_BODIES: dict[Any, Callable[..., Any]] = {}


def _offer(name: str, body: Callable[..., Any], *samples: Any) -> None:
    """Register a public function; where the program has set a backend, that is asked first."""
    public = getattr(sp_fft, name)
    _BODIES[public] = body

    def asked(*args: Any, **kwargs: Any) -> Any:
        return (public if _has_backends() else body)(*args, **kwargs)

    asked.__doc__ = body.__doc__
    composite(public, *samples, name=f"scipy.fft.{name}")(asked)


def _has_backends() -> bool:
    """Say whether another backend than SciPy's own stands behind its functions."""
    everywhere, here, *_ = uarray.get_state()._pickle()
    (usual, *_), registered, *_ = everywhere["numpy.scipy.fft"]
    return usual is not _backend._ScipyBackend or bool(registered) or any(map(any, here.values()))


def _alike(name: str, function: Any, text: str) -> Op:
    """Declare a transform of complex numbers over several axes."""

    def transpose(ct: Any, x: Any, s: Axes, axes: Axes, norm: Any) -> Any:
        return fit_shape(op(ct, s=s, axes=axes, norm=norm), x.shape, axes)

    op = Op(
        f"scipy.{name}",
        lambda x, s, axes, norm: function(x, s, axes, norm),
        (Linear(transpose=transpose),),
        complex=True,
        batch=over_axes,
        notation=Notation(f"{text}({{0}})", rule=_SYMMETRIC),
    )
    add(op)
    return op


fftn = _alike("fftn", sp_fft.fftn, "fft")
ifftn = _alike("ifftn", sp_fft.ifftn, "ifft")


def _rfftn_transpose(ct: Any, x: Any, s: Axes, axes: Axes, norm: Any) -> Any:
    if len(axes) > 1:
        ct = fftn(ct, s=s[:-1], axes=axes[:-1], norm=norm)
    back = rfft_transpose(ct, s[-1], axes[-1], norm, _irfft)
    return fit_shape(back, x.shape, axes)


def _irfftn_transpose(ct: Any, x: Any, s: Axes, axes: Axes, norm: Any) -> Any:
    back = irfft_transpose(ct, s[-1], axes[-1], norm, _rfft)
    if len(axes) > 1:
        back = ifftn(back, s=s[:-1], axes=axes[:-1], norm=norm)
    return fit_shape(back, x.shape, axes)


rfftn = Op(
    "scipy.rfftn",
    lambda x, s, axes, norm: sp_fft.rfftn(x, s, axes, norm),
    (Linear(transpose=_rfftn_transpose),),
    batch=over_axes,
    notation=Notation("rfft({0})", rule=_HALF),
)
add(rfftn)
ihfftn = Op(
    "scipy.ihfftn",
    lambda x, s, axes, norm: sp_fft.ihfftn(x, s, axes, norm),
    (
        Linear(
            transpose=lambda ct, x, s, axes, norm: _rfftn_transpose(
                np.conjugate(ct), x, s, axes, opposite(norm)
            )
        ),
    ),
    batch=over_axes,
    notation=Notation("ihfft({0})", rule=_HALF),
)
add(ihfftn)
irfftn = Op(
    "scipy.irfftn",
    lambda x, s, axes, norm: sp_fft.irfftn(x, s, axes, norm),
    (Linear(transpose=_irfftn_transpose),),
    complex=True,
    batch=over_axes,
    notation=Notation("irfft({0})", rule=_HALF),
)
add(irfftn)


def _rfft(a: Any, n: int, axis: int, norm: Any) -> Any:
    return rfftn(a, s=(n,), axes=(axis % len(a.shape),), norm=norm)


def _irfft(a: Any, n: int, axis: int, norm: Any) -> Any:
    return irfftn(a, s=(n,), axes=(axis % len(a.shape),), norm=norm)


# --- the functions of one, two and several axes -----------------------------------------------


def _lengths(
    x: Any, s: Any, axes: Any, real_output: bool = False
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the lengths and axes of a call, by SciPy's rules."""
    ndim = len(x.shape)
    given = None if s is None else tuple(np.atleast_1d(s).tolist())
    if axes is None:
        chosen = tuple(range(ndim)) if given is None else tuple(range(ndim - len(given), ndim))
    else:
        chosen = tuple(axes_in_range(tuple(np.atleast_1d(axes).tolist()), ndim))
    whole = tuple(x.shape[k] for k in chosen)
    if given is None:
        last = (*whole[:-1], 2 * (whole[-1] - 1)) if real_output and whole else whole
        return last, chosen
    if len(given) != len(chosen):
        raise ValueError("when given, axes and shape arguments have to be of the same length")
    return tuple(m if n == -1 else n for n, m in zip(given, whole, strict=True)), chosen


def _no_plan(plan: Any) -> None:
    if plan is not None:
        raise NotImplementedError("Passing a precomputed plan is not yet supported by scipy.fft")


Body = Callable[[Any, Any, Any, Any], Any]


def _plain(op: Op, real_output: bool = False) -> Body:
    def body(x: Any, s: Any, axes: Any, norm: Any) -> Any:
        x = as_array(x)
        lengths, chosen = _lengths(x, s, axes, real_output)
        return op(x, s=lengths, axes=chosen, norm=norm) if chosen else x

    return body


def _hermitian(x: Any, s: Any, axes: Any, norm: Any) -> Any:
    return _plain(irfftn, True)(np.conjugate(as_array(x)), s, axes, opposite(norm))


_LINES = (
    sample((4,)), sample((3,)), sample((2, 3), n=4), sample((3, 2), n=2, axis=0, norm="ortho"),
    sample((2, 5), n=3, norm="forward"), sample((1, 4)), sample((2, 2), workers=1),
)  # fmt: skip
_GRIDS = (
    sample((2, 3)), sample((3, 2), s=(2, 4)), sample((2, 3, 2), axes=(0, 2)),
    sample((2, 3), norm="ortho"), sample((3, 2, 2), s=(4, -1), axes=(1, 0), norm="forward"),
)  # fmt: skip
_TWO = (sample((2, 3)), sample((2, 2, 3), norm="ortho"), sample((3, 2), s=(2, 4)))


def _public(name: str, body: Body, *extra: Any) -> None:
    """Register the functions of one, two and several axes that `body` computes."""

    def one(
        x: Any, n: Any = None, axis: int = -1, norm: Any = None, overwrite_x: bool = False,
        workers: Any = None, *, plan: Any = None,
    ) -> Any:  # fmt: skip
        _no_plan(plan)
        return body(x, n, axis, norm)

    def many(
        x: Any, s: Any = None, axes: Any = None, norm: Any = None, overwrite_x: bool = False,
        workers: Any = None, *, plan: Any = None,
    ) -> Any:  # fmt: skip
        _no_plan(plan)
        return body(x, s, axes, norm)

    def two(
        x: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, overwrite_x: bool = False,
        workers: Any = None, *, plan: Any = None,
    ) -> Any:  # fmt: skip
        return many(x, s, axes, norm, overwrite_x, workers, plan=plan)

    for ending, samples, function in (
        ("", (*_LINES, *extra), one), ("2", _TWO, two), ("n", (*_GRIDS, *extra), many),
    ):  # fmt: skip
        _offer(name + ending, function, *samples)


_COMPLEX = (sample(complex_array(4)), sample(complex_array(2, 3)))
_public("fft", _plain(fftn), *_COMPLEX)
_public("ifft", _plain(ifftn), *_COMPLEX)
_public("rfft", _plain(rfftn))
_public("irfft", _plain(irfftn, True), *_COMPLEX)
_public("hfft", _hermitian, *_COMPLEX)
_public("ihfft", _plain(ihfftn))


# --- cosine and sine transforms ---------------------------------------------------------------

_PARTNER = {1: 1, 2: 3, 3: 2, 4: 4}


def _ends(family: str, kind: int, n: int) -> tuple[Any, Any]:
    """Return the factors before and after the partner transform that make it the transpose."""
    before, after = np.ones(n), np.ones(n)
    if family == "dct" and kind == 1:
        after[1:-1] = 2.0
        before = 1.0 / after
    elif kind in (2, 3):
        end = 0 if family == "dct" else n - 1
        if kind == 2:
            before[end] = 2.0
        else:
            after[end] = 0.5
    return before, after


def _trigonometric(family: str, inverse: bool) -> Op:
    """Declare a family of cosine or sine transforms, or its inverse, over several axes."""
    name = ("i" if inverse else "") + family + "n"
    function = getattr(sp_fft, name)

    def transpose(
        ct: Any, x: Any, type: int, s: Axes, axes: Axes, norm: Any, orthogonalize: Any
    ) -> Any:
        if orthogonalize is None or ct.dtype.kind == "c":  # of complex numbers SciPy ignores it
            orthogonal = norm == "ortho"
        else:
            orthogonal = bool(orthogonalize)
        params = {"s": s, "axes": axes, "norm": norm, "orthogonalize": orthogonalize}
        if orthogonal:
            back = op(ct, type=_PARTNER[type], **params)
        else:
            kind = _PARTNER[type] if inverse else type
            real = np.real(np.empty(0, ct.dtype)).dtype
            factors = [_ends(family, kind, n) for n in s]
            for (before, _), axis in zip(factors, axes, strict=True):
                ct = ct * along(before.astype(real), axis, len(ct.shape))
            back = op(ct, type=_PARTNER[type], **params)
            for (_, after), axis in zip(factors, axes, strict=True):
                back = back * along(after.astype(real), axis, len(ct.shape))
        return fit_shape(back, x.shape, axes)

    op = Op(
        f"scipy.{name}",
        lambda x, type, s, axes, norm, orthogonalize: function(
            x, type, s, axes, norm, orthogonalize=orthogonalize
        ),
        (Linear(transpose=transpose),),
        complex=True,
        batch=over_axes,
        notation=Notation(f"{name[:-1]}({{0}})", rule=_COSINE),
    )
    add(op)
    return op


_TYPES = (
    *(sample((2, 4), Const(k)) for k in (1, 2, 3, 4)),
    *(sample((5,), Const(k), norm="ortho") for k in (1, 2, 3, 4)),
    sample((3,), Const(2), orthogonalize=True), sample((3,), Const(3), orthogonalize=True),
    sample((4,), Const(2), norm="ortho", orthogonalize=False),
    sample((4,), Const(1), norm="forward", orthogonalize=True), sample((4,), norm="forward"),
)  # fmt: skip
_CUTS = (sample((2, 3), Const(2), 5), sample((4, 2), Const(3), 3, axis=0),
         sample((2, 3), Const(1), 2))  # fmt: skip
_MANY = (
    sample((2, 3)), sample((3, 2, 2), Const(3), axes=(0, 2)), sample((3, 2), Const(1)),
    sample((2, 3), Const(2), Const((3, 2))), sample((2, 3), Const(4)), sample((2, 3), norm="ortho"),
)  # fmt: skip


def _public_trigonometric(family: str, inverse: bool) -> None:
    op = _trigonometric(family, inverse)
    name = ("i" if inverse else "") + family

    def many(
        x: Any, type: int = 2, s: Any = None, axes: Any = None, norm: Any = None,
        overwrite_x: bool = False, workers: Any = None, *, orthogonalize: Any = None,
    ) -> Any:  # fmt: skip
        x = as_array(x)
        lengths, chosen = _lengths(x, s, axes)
        if not chosen:
            return x
        return op(x, type=type, s=lengths, axes=chosen, norm=norm, orthogonalize=orthogonalize)

    def one(
        x: Any, type: int = 2, n: Any = None, axis: int = -1, norm: Any = None,
        overwrite_x: bool = False, workers: Any = None, orthogonalize: Any = None,
    ) -> Any:  # fmt: skip
        return many(x, type, n, axis, norm, orthogonalize=orthogonalize)

    _offer(name, one, *_TYPES, *_CUTS)
    _offer(name + "n", many, *_TYPES, *_MANY)


for _family in ("dct", "dst"):
    for _inverse in (False, True):
        _public_trigonometric(_family, _inverse)


# --- the way in ---------------------------------------------------------------------------------


@composite(_backend._ScipyBackend.__ua_function__, name="scipy.fft")
def through_backend(method: Any, args: Any, kwargs: Any) -> Any:
    """Answer for SciPy's own backend, which every function of `scipy.fft` calls.

    The functions are multimethods of uarray, which no door reaches; this Python function stands
    behind all of them, however the user imported them.
    """
    body = _BODIES.get(method)
    return NotImplemented if body is None else body(*args, **kwargs)


# --- the rest -----------------------------------------------------------------------------------


@composite(sp_fft.fftshift, sample((5,)), sample((2, 3), axes=1), name="scipy.fft.fftshift")
def fftshift(x: Any, axes: Any = None) -> Any:
    """Bring the frequency zero to the middle: NumPy's."""
    return np.fft.fftshift(x, axes)


@composite(sp_fft.ifftshift, sample((5,)), sample((2, 3), axes=1), name="scipy.fft.ifftshift")
def ifftshift(x: Any, axes: Any = None) -> Any:
    """Invert `fftshift`: NumPy's."""
    return np.fft.ifftshift(x, axes)


def _refuse(function: Any) -> None:
    def body(*_args: Any, **_kwargs: Any) -> Any:
        raise UnsupportedFunctionError(
            f"scipy.fft.{function.__name__} received a traced value",
            why="the fast Hankel transform has no rule here",
            cure="write the transform as a matrix product, or where no derivative is meant ‹held›",
        )

    composite(function, name=f"scipy.fft.{function.__name__}")(body)


_refuse(sp_fft.fht)
_refuse(sp_fft.ifht)

"""`scipy.spatial.transform`: rotations made of traced angles, vectors, matrices or quaternions.

SciPy computes with quaternions, in compiled code for NumPy arrays and in Python for other arrays.
A rotation of traced values is an ordinary `Rotation` object whose backend is the latter, run on
traced values (`borrowed`). Where that divides by an angle, the formulas here are functions of its
square, so that all derivatives hold at the identity. The magnitude of a rotation has its kink
there; Euler angles have none at gimbal lock, of which SciPy warns.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation, Slerp, _rotation_xp

from ....core.op import Composite
from ....core.registry import register
from ...borrowed import NUMPY, Borrowed, buffers_like
from ...declare import as_array
from ..common import flows, plain, refused, settled
from ..linalg.eigen import polar

_SMALL = 1e-6  # the square of an angle below which series are taken


def _square(v: Any) -> Any:
    return np.sum(v * v, axis=-1, keepdims=True)


def from_rotvec(rotvec: Any, degrees: bool = False) -> Any:
    """Return the quaternions (v·sin(½|v|)/|v|, cos(½|v|)) of rotation vectors."""
    if rotvec.shape[-1] != 3:
        raise ValueError(f"Expected `rot_vec` to have shape (..., 3), got {rotvec.shape}")
    v = rotvec * (np.pi / 180.0) if degrees else rotvec
    square = _square(v)
    small = np.less_equal(plain(square), _SMALL)
    angle = np.sqrt(np.where(small, 1.0, square))
    scale = np.where(small, _series(square, 0.5, 48, 3840, 645120), np.sin(angle / 2) / angle)
    real = np.where(small, _series(square, 1.0, 8, 384, 46080), np.cos(angle / 2))
    return np.concatenate([v * scale, real], axis=-1)


def _series(x: Any, start: float, a: float, b: float, c: float) -> Any:
    return start - x / a + x * x / b - x * x * x / c


def as_rotvec(quat: Any, degrees: bool = False) -> Any:
    """Return rotation vectors, of an angle of at most π."""
    quat = _SPACE["_quat_canonical"](quat)
    v, w = quat[..., :3], quat[..., 3:]
    square = _square(v)
    small = np.less_equal(plain(square), _SMALL / 4)
    size, part = np.sqrt(np.where(small, 1.0, square)), square / np.where(small, w * w, 1.0)
    near = (2.0 - part * (2.0 / 3 - part * (2.0 / 5 - part * 2.0 / 7))) / np.where(small, w, 1.0)
    scale = np.where(small, near, 2.0 * np.arctan2(size, w) / size)
    return v * scale * (180.0 / np.pi) if degrees else v * scale


def inv(quat: Any) -> Any:
    """Return the conjugate quaternions."""
    return quat * np.array([-1.0, -1.0, -1.0, 1.0])


def from_matrix(matrix: Any, assume_valid: bool = False) -> Any:
    """Return the quaternions of the rotations next to matrices: of their polar factors.

    SciPy takes a matrix that is orthogonal up to 1e-12 as it is. Beside it the polar factor is
    taken, so that it is the function to differentiate there too.
    """
    if not assume_valid:
        Rotation.from_matrix(plain(matrix))  # raises what it raises
        matrix = polar(matrix)[0]
    return _SPACE["_from_matrix_orthogonal"](matrix)


def power(quat: Any, n: Any) -> Any:
    """Return the rotation by n times the angle."""
    n = settled(n)
    if not flows(n) and np.size(n) == 1 and np.ravel(n)[0] in (-1, 0, 1):
        n = np.ravel(n)[0]
        return inv(quat) if n < 0 else quat if n else quat * 0.0 + np.array([0.0, 0.0, 0.0, 1.0])
    return from_rotvec(n * as_rotvec(quat))


class _Extra:
    """Stands in for array-api-extra."""

    isclose = staticmethod(lambda a, b, *, xp=None, **options: np.isclose(a, b, **options))

    @staticmethod
    def atleast_nd(x: Any, *, ndim: int, xp: Any = None) -> Any:
        """Put axes of length 1 in front."""
        return np.reshape(x, (1,) * (ndim - x.ndim) + x.shape) if x.ndim < ndim else x

    class at:  # noqa: N801
        """``at(x, index).set(v)``: a store into a copy."""

        def __init__(self, x: Any, index: Any = ()) -> None:
            self.x, self.index = x, index

        def __getitem__(self, index: Any) -> "_Extra.at":
            return _Extra.at(self.x, index)

        def set(self, value: Any, **_options: Any) -> Any:
            """Return a copy with `value` stored."""
            like = value if flows(value) else self.x
            x = np.zeros_like(like, shape=self.x.shape, dtype=self.x.dtype) + self.x
            x[self.index] = value
            return x


_COPY = Borrowed(_rotation_xp)
_SPACE: dict[str, Any] = _COPY[_rotation_xp.as_matrix].__globals__
_SPACE |= {
    "from_matrix": from_matrix, "from_rotvec": from_rotvec, "as_rotvec": as_rotvec, "inv": inv,
    "pow": power, "xpx": _Extra,
    "is_lazy_array": lambda x: False,
    "xp_vector_norm": lambda x, *, axis=None, keepdims=False, xp=None: np.linalg.norm(
        x, axis=axis, keepdims=keepdims
    ),
    "xp_result_type": lambda *arrays, **options: np.result_type(*arrays),
}  # fmt: skip


def _computed(name: str) -> Any:
    function = _SPACE[name]

    def call(*args: Any, **kwargs: Any) -> Any:
        with buffers_like((args, kwargs)):
            return function(*args, **kwargs)

    return call


BACKEND = SimpleNamespace(**{
    name: _computed(name)
    for name in (
        "from_quat", "from_matrix", "from_rotvec", "from_mrp", "from_euler", "from_davenport",
        "as_quat", "as_matrix", "as_rotvec", "as_mrp", "as_euler", "as_davenport", "inv",
        "magnitude", "mean", "reduce", "apply", "setitem", "pow", "compose_quat", "align_vectors",
    )
})  # fmt: skip


# --- objects --------------------------------------------------------------------------------------


def _float(value: Any) -> Any:
    x = as_array(value)
    return x if x.dtype == np.float64 else x.astype(np.float64)


def _fill(rotation: Any, quat: Any) -> Any:
    rotation._single, rotation._quat, rotation._xp = False, quat, NUMPY
    rotation._backend = BACKEND
    return rotation


def _made(quat: Any) -> Any:
    return _fill(object.__new__(Rotation), quat)


def _quat(rotation: Any) -> Any:
    return rotation._quat[0] if rotation._single else rotation._quat


def _method(name: str, body: Any, always: bool = False, kind: Any = Rotation) -> None:
    function = getattr(kind, name)
    function = getattr(function, "__func__", function)
    label = f"scipy.spatial.transform.{kind.__name__}.{name}"
    register(function, Composite(label, body, None, always=always))


def _init(
    self: Any, quat: Any, normalize: bool = True, copy: bool = True, scalar_first: bool = False
) -> None:
    quat = _float(quat)
    if quat.shape[-1] != 4:
        raise ValueError(f"Expected `quat` to have shape (..., 4), got {quat.shape}.")
    _fill(self, BACKEND.from_quat(quat, normalize=normalize, copy=copy, scalar_first=scalar_first))


def _from(name: str, place: int = 0) -> None:
    def body(*args: Any, **kwargs: Any) -> Any:
        args = tuple(_float(a) if i == place else a for i, a in enumerate(args))
        kwargs = {k: _float(v) if k == name[5:] or k == "angles" else v for k, v in kwargs.items()}
        return _made(getattr(BACKEND, name)(*args, **kwargs))

    _method(name, body)


def _from_davenport(axes: Any, order: str, angles: Any, degrees: bool = False) -> Any:
    return _made(BACKEND.from_davenport(_float(axes), order, _float(angles), degrees))


def _apply(self: Any, vectors: Any, inverse: bool = False) -> Any:
    """Rotate vectors."""
    vectors = settled(vectors)
    if not (flows(vectors) or flows(self._quat)):
        return Rotation.apply(self, vectors, inverse)
    vectors = _float(vectors)
    if vectors.shape[-1] != 3:
        raise ValueError(f"Expected input of shape (..., 3), got {vectors.shape}.")
    return BACKEND.apply(_quat(self), vectors, inverse=inverse)


def _mul(self: Any, other: Any) -> Any:
    """Compose two rotations."""
    if not isinstance(other, Rotation):
        return NotImplemented
    if not (flows(self._quat) or flows(other._quat)):
        return Rotation.__mul__(self, other)
    quat = BACKEND.compose_quat(_quat(self), _quat(other))
    return _made(BACKEND.from_quat(quat, normalize=True))


def _pow(self: Any, n: Any, modulus: Any = None) -> Any:
    """Rotate by n times the angle."""
    if modulus is not None:
        raise NotImplementedError("modulus not supported")
    return _made(power(_quat(self), as_array(n)))


def _concatenate(rotations: Any) -> Any:
    """Join rotations along the first axis."""
    rotations = rotations if isinstance(rotations, Rotation) else list(rotations)
    parts = [rotations] if isinstance(rotations, Rotation) else rotations
    if not any(isinstance(r, Rotation) and flows(r._quat) for r in parts):
        return Rotation.concatenate(rotations)
    if isinstance(rotations, Rotation):
        return _made(_quat(rotations) + 0.0)
    return _made(np.concatenate([np.reshape(_quat(r), (-1, 4)) for r in parts]))


def _as_davenport(self: Any, axes: Any, order: str, degrees: bool = False, **options: Any) -> Any:
    """Return the angles about given axes."""
    if not (flows(self._quat) or flows(axes)):
        return Rotation.as_davenport(self, plain(as_array(axes)), order, degrees, **options)
    return BACKEND.as_davenport(_quat(self), _float(axes), order, degrees, **options)


def _approx_equal(self: Any, other: Any, atol: Any = None, degrees: bool = False) -> Any:
    """Compare two rotations: nothing flows."""
    one, two = (Rotation(plain(_quat(r)), normalize=False) for r in (self, other))
    return Rotation.approx_equal(one, two, atol, degrees)


_method("__init__", _init)
for _name, _place in (("from_matrix", 0), ("from_rotvec", 0), ("from_mrp", 0), ("from_euler", 1)):
    _from(_name, _place)
_method("from_davenport", _from_davenport)
_method("apply", _apply, True)
_method("__mul__", _mul, True)
_method("__pow__", _pow)
_method("concatenate", _concatenate, True)
_method("as_davenport", _as_davenport, True)
_method("approx_equal", _approx_equal, True)
refused(
    getattr(Rotation.align_vectors, "__func__", Rotation.align_vectors),
    "it is the rotation of a singular value decomposition, without a rule",
    "write U, _, Vt = np.linalg.svd(‹a 0›.T @ ‹b 1›), and Rotation.from_matrix(U @ Vt)",
    "Rotation.align_vectors",
)  # fmt: skip


# --- between rotations ----------------------------------------------------------------------------


def _slerp_init(self: Any, times: Any, rotations: Any) -> None:
    """Prepare the interpolation between rotations at given times."""
    times = settled(times)
    if not flows(times) and not (isinstance(rotations, Rotation) and flows(rotations._quat)):
        return Slerp.__init__(self, times, rotations)  # type: ignore[no-any-return]
    quat = rotations._quat
    Slerp(plain(as_array(times)), Rotation(plain(quat), normalize=False))  # raises what it raises
    self.times = _float(times)
    self.timedelta = np.diff(self.times)
    self.rotations = _made(quat[:-1])
    self.rotvecs = as_rotvec(BACKEND.compose_quat(inv(quat[:-1]), quat[1:]))
    return None


def _slerp_call(self: Any, times: Any) -> Any:
    """Interpolate rotations."""
    times = settled(times)
    held = [self.times, self.rotvecs, self.rotations._quat]
    if not (flows(times) or flows(held)):
        return Slerp.__call__(self, times)
    times = _float(times)
    if times.ndim > 1:
        raise ValueError("`times` must be at most 1-dimensional.")
    knots, at = plain(self.times), plain(times)
    if np.any(at < knots[0]) or np.any(at > knots[-1]):
        raise ValueError(
            f"Interpolation times must be within the range [{knots[0]}, {knots[-1]}], "
            "both inclusive."
        )
    place = np.maximum(np.searchsorted(knots, at) - 1, 0)
    part = ((times - self.times[place]) / self.timedelta[place])[..., None]
    turn = from_rotvec(self.rotvecs[place] * part)
    return _made(BACKEND.compose_quat(self.rotations._quat[place], turn))


_method("__init__", _slerp_init, True, Slerp)
_method("__call__", _slerp_call, True, Slerp)

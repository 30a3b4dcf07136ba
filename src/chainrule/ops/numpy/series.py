"""`numpy.polynomial`: NumPy's own Python, on traced coefficients and points.

The functions of the six kinds of series and of `polyutils` have their own code as body (see
`own_python`); the classes `Polynomial`, `Chebyshev`, … are made of them and follow.

NumPy shortens a series whose last coefficients are exactly zero. Inside a calculation nothing is
dropped here. Where the result itself would be shorter by a traced coefficient, the length jumps,
the derivative with respect to that coefficient would be lost, and the call is refused.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from ...core.op import Composite, Const, Sample, sample
from ...core.registry import register
from ..declare import as_array
from .own_python import carries, own_code, running, space_of, traced
from .polynomials import shortened

_KINDS = {
    "polynomial": "poly", "chebyshev": "cheb", "legendre": "leg", "hermite": "herm",
    "hermite_e": "herme", "laguerre": "lag",
}  # fmt: skip
_UTILITIES = ("as_series", "trimseq", "trimcoef", "getdomain", "mapparms", "mapdomain")


def _ends_in_zero(c: Any) -> bool:
    """Say whether `c` is a traced series with a highest coefficient that is exactly zero."""
    if not carries(c) or len(getattr(c, "shape", ())) != 1 or c.shape[0] < 2:
        return False
    return bool(np.equal(c[-1], 0))


def _keep_all(name: str, result: Any) -> None:
    for part in result if type(result) in (list, tuple) else (result,):
        if _ends_in_zero(part):
            raise shortened(name)


def _series(c: Any) -> Any:
    return as_array(c) if type(c) in (list, tuple) else c


# --- what replaces two helpers of NumPy's ---------------------------------------------------


def _trimseq(seq: Any) -> Any:
    """Drop the zeros at the end of a plain series; keep all of a traced one."""
    if traced(seq) or len(seq) == 0 or seq[-1] != 0:
        return seq
    places = np.flatnonzero(np.asarray(seq))
    return seq[: int(places[-1]) + 1 if places.size else 1]


def _times_x(own: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Multiply by x without the shortcut for the series 0, which forgets its derivative."""

    def mulx(c: Any) -> Any:
        if carries(c) and np.size(c) == 1 and np.all(np.equal(c, 0)):
            return own(c + 1.0) - own(np.ones(1))
        return own(c)

    return mulx


# --- checks before and after ----------------------------------------------------------------


def _before(kind: str, name: str, args: Any, kwargs: Any) -> None:
    if name.endswith(("div", "roots", "companion")) and not name.endswith("fromroots"):
        for c in (*args, *kwargs.values()):
            _keep_all(name, _series(c))
    if name == "trimcoef" and not (kwargs.get("tol") or args[1:2] > (0,)):
        _keep_all(name, _series(args[0] if args else kwargs["c"]))
    if name == f"{kind}line" and len(args) == 2 and carries(args[1]) and np.all(args[1] == 0):
        raise shortened(name)
    if name == f"{kind}int":
        c = args[0] if args else kwargs["c"]
        if carries(c) and np.shape(c)[:1] in ((), (1,)) and np.all(np.equal(c, 0)):
            raise shortened(name)


def _shortens(kind: str, name: str) -> bool:
    ends = ("add", "sub", "mul", "mulx", "div", "pow", "as_series", "trimseq")
    return name in (f"{kind}2poly", f"poly2{kind}") or name.removeprefix(kind) in ends


def _body(kind: str, name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    shortens = _shortens(kind, name)

    def body(*args: Any, **kwargs: Any) -> Any:
        if name == f"{kind}mul" and any(not traced(c) and not np.any(c) for c in args):
            return own(np.zeros(1), np.zeros(1))  # a product with the series 0 has length 1
        with running(args, kwargs) as depth:
            _before(kind, name, args, kwargs)
            result = own(*args, **kwargs)
        untrimmed = kwargs.get("trim", args[1] if len(args) > 1 else True) is False
        if depth == 1 and shortens and not (name == "as_series" and untrimmed):
            _keep_all(name, result)
        return result

    body.__doc__ = f"Run NumPy's own `{name}`."
    return body


# --- the samples the laws run ---------------------------------------------------------------

_X, _C = (3,), (4,)
_SAMPLES: dict[str, tuple[Sample, ...]] = {
    "val": (sample(_X, _C), sample((), _C), sample(_X, (3, 2)), sample((2,), (3, 2), tensor=False)),
    "val2d": (sample(_X, _X, (2, 3)),),
    "val3d": (sample((2,), (2,), (2,), (2, 2, 2)),),
    "valnd": (sample([_X, _X], (2, 3)), sample([(), (), ()], (2, 2, 2))),  # since NumPy 2.5
    "grid2d": (sample((2,), _X, (2, 3)),),
    "grid3d": (sample((2,), (1,), (2,), (2, 2, 2)),),
    "der": (sample(_C), sample(_C, 2), sample((3, 2), 1, 2.0), sample((3, 2), axis=1)),
    "int": (
        sample(_C), sample(_X, 2, Const([0.5, 1.0])), sample(_X, lbnd=0.5, scl=2.0),
        sample((2, 2), axis=1),
    ),
    "add": (sample(_C, _X), sample(_X, _X)),
    "sub": (sample(_C, _X), sample(_X, _C)),
    "mulx": (sample(_C),),
    "mul": (sample(_C, _X), sample((2,), (1,))),
    "div": (sample(_C, (2,)), sample(_C, (1,)), sample((2,), _X), sample((5,), _X)),
    "pow": (sample(_X, 3), sample(_X, 1), sample((2,), 0)),
    "line": (sample((), ()),),
    "fromroots": (sample(_X), sample((2,))),
    "vander": (sample(_X, 3), sample((2, 2), 1)),
    "vander2d": (sample(_X, _X, Const([1, 2])),),
    "vander3d": (sample((2,), (2,), (2,), Const([1, 0, 2])),),
    "fit": (
        sample(Const(np.arange(5.0) / 2), (5,), 2), sample(_C, _C, 1), sample(_C, (4, 2), 1),
        sample(_C, _C, Const([0, 2])), sample(_C, _C, 1, w=Const(np.array([1.0, 2.0, 1.0, 0.5]))),
    ),
    "companion": (sample(_C), sample((2,))),
    "valfromroots": (sample(_X, (2,)),),
    "roots": (sample((2,)),),
    "weight": (sample(_X),),
}  # fmt: skip
_UTILITY_SAMPLES = {
    "as_series": (sample([(2,), (3,)]),),
    "trimseq": (sample(_X),),
    "trimcoef": (sample(_X), sample(_X, 1e-3)),
    "getdomain": (sample(_X),),
    "mapparms": (sample((2,), (2,)),),
    "mapdomain": (sample(_X, (2,), (2,)), sample(_X, Const([-1.0, 1.0]), Const([0.0, 3.0]))),
}


def _domain(kind: str, name: str) -> tuple[tuple[float, float], ...]:
    """Return where samples are drawn: divisions need a highest coefficient away from zero."""
    if name == "chebweight":
        return ((-0.9, 0.9),)
    return ((0.4, 2.0), (0.5, 1.5)) if name.endswith(("div", "companion", "roots")) else ()


def _declare(kind: str, module: Any, name: str, samples: tuple[Sample, ...]) -> None:
    function = getattr(module, name)
    if function.__module__ != module.__name__:  # chebtrim is polyutils.trimcoef
        return
    body = _body(kind, name, own_code(function, module))
    record = Composite(name, body, function, samples, _domain(kind, name))
    record.name = f"{module.__name__.rsplit('.', 1)[1]}.{name}"
    register(function, record)


def _declare_all() -> None:
    utilities = import_module("numpy.polynomial.polyutils")
    space = space_of(utilities, trimseq=_trimseq)
    for name in _UTILITIES:
        _declare("", utilities, name, _UTILITY_SAMPLES[name])
    assert space["trimseq"] is _trimseq
    for module_name, kind in _KINDS.items():
        module = import_module(f"numpy.polynomial.{module_name}")
        space = space_of(module)
        space[f"{kind}mulx"] = _times_x(space[f"{kind}mulx"])
        for name in module.__all__:
            ending = name.removeprefix(kind)
            samples = _SAMPLES.get(ending)
            if samples is None and name in (f"{kind}2poly", f"poly2{kind}"):
                samples = (sample(_X),)
            if samples is not None and callable(getattr(module, name)):
                _declare(kind, module, name, samples)


_declare_all()

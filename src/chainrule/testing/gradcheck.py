"""`check_grads`: compare a function's derivatives with numerical ones, and find the fault."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import tree
from ..api import jvp, trace, vjp
from ..core.op import Op
from ..errors import (
    ChainRuleError,
    CheckError,
    IndeterminateWarning,
    KinkWarning,
    StructureError,
)
from ..lift import check_output
from ..modes.forward import push
from ..modes.reverse import pulls
from ..numeric import differences, directional, flat, inner, random_like
from ..tracing.source import resolve
from ..tracing.tracer import concrete

_ENTRIES = 400  # entries examined one by one when a directional derivative is wrong
_ELSEWHERE = (
    "if the point lies at a kink or jump, check at another; if the function draws random numbers "
    "or keeps state, make it a function of its arguments alone"
)
_ROUNDS = 16  # halvings of the step: from a sixteenth of the input's size down to 2⁻²⁰ of it


def check_grads(
    f: Callable[..., Any], args: Any, order: int = 2, modes: Any = ("fwd", "rev"),
    atol: float | None = None, rtol: float | None = None, *, seed: int = 0,
) -> None:  # fmt: skip
    """Compare the derivatives of ``f(*args)`` with extrapolated central differences.

    Directional derivatives along random directions are compared in forward mode (J·v) and in
    reverse mode (⟨ȳ, J·v⟩ = ⟨Jᵀȳ, v⟩), for every order up to `order`: the function checked at
    order k + 1 is the gradient that order k computed. The step chooses itself, and the tolerance
    grows with the estimated error of the differences.

    Parameters
    ----------
    args : the tuple of arguments; each a number, an array, or a container of them.
    order : highest order of derivative.
    modes : any of "fwd" and "rev".
    atol, rtol : absolute and relative tolerance; by default they follow the dtype
        (1e-7 for float64, 2e-2 for float32) on top of the error of the differences.
    seed : of the random directions.

    Raises
    ------
    CheckError : with the worst entry and its argument, both numbers, and, where one operation
        of the function is at fault, its name and its place in the source.

    References: C. J. F. Ridders, Advances in Engineering Software 4 (1982) 75–76.

    >>> import numpy as np, chainrule
    >>> chainrule.check_grads(lambda x: np.sum(np.sin(x) ** 2), (np.array([0.5, 1.0]),))
    """
    wanted = (modes,) if isinstance(modes, str) else tuple(modes)
    if not wanted or not set(wanted) <= {"fwd", "rev"}:
        raise StructureError(
            f"check_grads does not know the modes {modes!r}", cure='write modes=("fwd", "rev")'
        )
    if not isinstance(args, tuple | list):
        raise StructureError(
            "check_grads takes the arguments as a tuple", cure="write check_grads(f, (x,))"
        )
    problem = _Problem(f, tuple(args), atol, rtol)
    rng = np.random.default_rng(seed)
    g: Callable[..., Any] = problem.call
    for k in range(1, order + 1):
        problem.check(g, k, wanted, rng)
        if k < order:
            g = _gradient(g, problem.xs, rng)


def _gradient(g: Callable[..., Any], xs: Any, rng: np.random.Generator) -> Callable[..., Any]:
    """Return x ↦ Jᵀȳ for a fixed random ȳ."""
    cts = tuple(random_like(y, rng) for y in _quiet(g, xs))

    def gradient(*inputs: Any) -> Any:
        return vjp(g, *inputs)[1](cts)

    return gradient


def _quiet(g: Callable[..., Any], xs: Any) -> Any:
    with np.errstate(all="ignore"):
        return g(*xs)


class _Problem:
    """A user's call as a function of a flat list of arrays, with the names of its arguments."""

    def __init__(self, f: Callable[..., Any], args: Any, atol: Any, rtol: Any) -> None:
        self.f = f
        leaves, self.treedef = tree.flatten(args)
        self.names = [f"args{path}" for path in tree.paths(args)]
        self.xs = [self._leaf(x) for x in leaves]
        single = any(x.dtype in (np.float32, np.complex64) for x in self.xs)
        self.single = single
        default = 2e-2 if single else 1e-7
        self.atol = default if atol is None else atol
        self.rtol = default if rtol is None else rtol
        self.factor = 0.0 if atol is not None and rtol is not None else 20.0

    def _leaf(self, x: Any) -> Any:
        a = np.asarray(x, float) if isinstance(x, int | float) else np.asarray(x)
        return a[()]

    def call(self, *xs: Any) -> tuple[Any, ...]:
        """Run the user's function; return its real and complex outputs as a tuple."""
        result = self.f(*tree.unflatten(self.treedef, list(xs)))
        out = tree.flatten(result)[0]
        if not out:
            check_output(self.f, result)
        arrays = [o if hasattr(o, "dtype") else np.asarray(o)[()] for o in out]
        return tuple(o for o in arrays if o.dtype.kind in "fc")

    def check(self, g: Any, order: int, modes: Iterable[str], rng: np.random.Generator) -> None:
        """Compare along a random direction; look for the worst entry if it differs."""
        vs = tuple(random_like(x, rng) for x in self.xs)
        self._finite(g, order)
        want, error = self._numerical(g, vs)
        if want.size and not np.max(error) <= 1e-2 * max([1.0, *abs(want)]):
            raise CheckError(
                f"the differences do not settle at order {order}, so nothing can be compared",
                why=f"their estimated error is {np.max(error):.2g}",
                cure=_ELSEWHERE,
            )
        for mode in modes:
            if mode == "fwd":
                cts = None
                got = flat([concrete(t) for t in jvp(g, self.xs, vs)[1]])
                reference, bound = want, error
            else:
                out, pull = vjp(g, *self.xs)
                single = sum(np.size(y) for y in out) == 1
                cts = tuple(np.ones_like(y)[()] if single else random_like(y, rng) for y in out)
                got = np.asarray([inner(pull(cts), vs)])
                reference = np.asarray([np.sum(np.real(flat(cts) * want))])
                bound = np.asarray([np.sum(abs(flat(cts)) * error)])
            if not self._agree(got, reference, bound):
                raise self._fault(g, order, mode, cts, vs, got, reference)

    def _numerical(self, g: Any, vs: Any) -> Any:
        """Differences, taken in double precision where the function lets that be."""
        with warnings.catch_warnings():
            for category in (IndeterminateWarning, KinkWarning):  # of points beside, or outside
                warnings.simplefilter("ignore", category)
            return directional(g, *self._wide(vs), rounds=_ROUNDS)

    def _wide(self, vs: Any) -> Any:
        if not self.single:
            return self.xs, vs
        return [_double(x) for x in self.xs], [_double(v) for v in vs]

    def _agree(self, got: Any, want: Any, error: Any) -> bool:
        scale = max([1.0, *abs(want)]) if self.factor else abs(want)
        tolerance = self.atol + self.rtol * np.asarray(scale) + self.factor * error
        return bool(np.all(abs(got - want) <= tolerance))

    def _finite(self, g: Any, order: int) -> None:
        for y in _quiet(g, self.xs):
            if not np.all(np.isfinite(y)):
                raise CheckError(
                    f"the {_ordinal(order)} is not finite here, so nothing can be compared",
                    why=f"it holds {y.ravel()[~np.isfinite(y.ravel())][0]}",
                    cure="check at a point in the inside of the function's domain",
                )

    def _fault(
        self, g: Any, order: int, mode: str, cts: Any, vs: Any, got: Any, want: Any
    ) -> CheckError:
        where, numbers = self._worst(g, mode, cts, got, want)
        culprit = guilty(self.call, self.xs)
        return CheckError(
            f"{'forward' if mode == 'fwd' else 'reverse'} mode differs from differences "
            f"at order {order}",
            where=where,
            why=numbers + (f"; {culprit}" if culprit else ""),
            cure="the rule of that operation is wrong" if culprit else _ELSEWHERE,
        )

    def _worst(self, g: Any, mode: str, cts: Any, got: Any, want: Any) -> tuple[str, str]:
        """Find the input entry whose derivative is furthest off, one entry at a time."""
        if cts is None:
            k = int(np.argmax(abs(got - want)))
            out = random_like(got, np.random.default_rng(0)) * 0
            out[k] = 1.0
            cts = tuple(_pieces(out, _quiet(g, self.xs)))
        pulled = vjp(g, *self.xs)[1](cts) if mode == "rev" else None
        worst: tuple[float, str, str] = (-1.0, "", "")
        for j, index in self._entries():
            unit = [np.zeros(x.shape, x.dtype) for x in self.xs]
            unit[j][index] = 1.0
            es = [e[()] for e in unit]
            number, _ = self._numerical(lambda *xs: (inner(cts, g(*xs)),), es)
            mine = (
                np.real(np.asarray(pulled[j])[index]) if pulled is not None
                else inner(cts, jvp(g, self.xs, tuple(es))[1])
            )  # fmt: skip
            off = float(abs(mine - number[0]))
            if not off <= worst[0]:
                name = self.names[j] + (f"[{', '.join(map(str, index))}]" if index else "")
                worst = off, name, f"derivative {float(mine):.10g}, differences {number[0]:.10g}"
        if worst[0] < 0:
            return "", f"derivative {got[0]:.10g}, differences {want[0]:.10g}"
        return f"entry {worst[1]}", worst[2]

    def _entries(self) -> list[tuple[int, tuple[int, ...]]]:
        found = [(j, i) for j, x in enumerate(self.xs) for i in np.ndindex(np.shape(x))]
        return found[:_ENTRIES]


def _double(x: Any) -> Any:
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


def _ordinal(order: int) -> str:
    return "value" if order == 1 else f"derivative of order {order - 1}"


def _pieces(vector: Any, like: Any) -> list[Any]:
    pieces, start = [], 0
    for y in like:
        stop = start + np.size(y)
        pieces.append(np.asarray(vector[start:stop], y.dtype).reshape(np.shape(y))[()])
        start = stop
    return pieces


def guilty(f: Callable[..., Any], xs: Any) -> str:
    """Name the first recorded operation whose own rule disagrees with differences of its value."""
    try:
        graph = trace(f, *xs)
    except ChainRuleError:
        return ""
    for node in graph.nodes:
        op = node.op
        if op is None or op.name == "component":
            continue
        if not _sound(op, node):
            place = resolve(node.place)
            where = f" at {place}: {place.text}" if place is not None else ""
            return f"the rule of {op.name} is at fault{where}"
    return ""


def _sound(op: Op, node: Any) -> bool:
    """Compare an op's forward and reverse rules with its value, at the recorded point."""
    rng = np.random.default_rng(0)
    inputs = [concrete(p) for p in node.primals]
    flows = [
        k for k, a in enumerate(inputs)
        if node.mask >> k & 1 and op.flows(k) and getattr(a, "dtype", np.dtype(int)).kind in "fc"
    ]  # fmt: skip
    if not flows:
        return True
    vs = [random_like(a, rng) if k in flows else None for k, a in enumerate(inputs)]
    y = op.value(*inputs, **node.params)

    def value(h: float) -> Any:
        moved = [a if v is None else a + h * v for a, v in zip(inputs, vs, strict=True)]
        out = op.value(*moved, **node.params)
        return flat(out if op.outputs else [out])

    want, error = differences(value, 0.0625, _ROUNDS)
    with np.errstate(all="ignore"):
        tangent = push(op, y, inputs, vs, node.params)
    got = flat(tangent if op.outputs else [tangent])
    slack = (1e-3 if got.dtype in (np.float32, np.complex64) else 1e-6) * max(1.0, *abs(want), 0.0)
    if not np.all(abs(got - want) <= slack + 20 * error):
        return False
    if op.outputs:
        return True
    ct = random_like(y, rng)
    node.output = y
    pulled = 0.0
    for k, pull in pulls(node):
        try:
            back = pull(ct, node)
        except ArithmeticError:
            return True
        pairs = [(back, vs[k])] if k >= 0 else zip(back, vs, strict=True)
        pulled += sum(float(np.sum(np.real(b * v))) for b, v in pairs if v is not None)
    wanted = float(np.sum(np.real(flat([ct]) * want)))
    return bool(abs(pulled - wanted) <= slack * max(1, got.size) + 20 * float(np.sum(error)))

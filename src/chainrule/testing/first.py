"""Laws of first order: what a derivative must satisfy at one point.

Each law takes a `Case` and raises `CheckError` when it does not hold. They share one convention:
x input, y output, ẋ tangent, ȳ cotangent; ⟨a, b⟩ = Re Σ aᵢbᵢ without conjugation.
"""

from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np

from ..api import jvp, vjp
from ..core.op import Op
from ..errors import ChainRuleError, CheckError, UnsupportedFunctionError
from ..numeric import complex_step, directional, flat, inner, move, random_like
from .samples import Case, Place, draw, draw_array, inexact, interval, outputs, seed_of

EXACT = 1e-12  # times the sum of the absolute terms: two ways to add the same products
TRIES = 5  # draws of a point until the numerical derivative is trustworthy
TRUST = 1e-6  # greatest error estimate, relative to scale, that a numerical derivative may have
AGREE = 1e-8  # of what is left: Ridders' own estimate is right to about an order of magnitude


def failed(law: str, case: Any, **numbers: Any) -> CheckError:
    """Build the error of a law that does not hold."""
    words = "; ".join(f"{k.replace('_', ' ')} = {v}" for k, v in numbers.items())
    return CheckError(f"{law} does not hold for {case!r}", why=words)


def directions(case: Case, seed: int = 0) -> list[Any]:
    """Draw a tangent for every array of a case."""
    rng = np.random.default_rng(seed_of(case.name, seed + 1))
    return [random_like(x, rng) for x in case.xs]


def cotangents(case: Case, seed: int = 0) -> tuple[Any, ...]:
    """Draw a cotangent for every output of a case."""
    rng = np.random.default_rng(seed_of(case.name, seed + 2))
    with np.errstate(all="ignore"):
        return tuple(random_like(y, rng) for y in case(*case.xs))


def forward(case: Case) -> None:
    """ẏ is the derivative of f along ẋ: by the complex step where valid, or by differences.

    A draw on which the numerical derivative does not settle (a kink close by) says nothing, and
    another is taken; the law fails if none of them settles.
    """
    estimate: Any = None
    for attempt in range(TRIES):
        near = case if not attempt else _redrawn(case, attempt)
        vs = directions(near, attempt)
        got = flat(jvp(near, near.xs, tuple(vs))[1])
        exact = complex_step(near, near.xs, vs) if _real(near.xs) else None
        with np.errstate(all="ignore"):
            if exact is not None and exact.shape == got.shape and np.all(exact != 0):
                # a zero may be a lost imaginary part, and where f conjugates, a sign is
                if _close(got, exact, 1e-11) and _close(got, _coarse(near, vs), 1e-3):
                    return
        want, error = directional(near, near.xs, vs)
        scale = max(1.0, _largest(want))
        estimate = _largest(error)
        if not estimate <= TRUST * scale:
            continue
        off = abs(got - want)
        if not np.all(off <= 20 * error + AGREE * scale):
            k = int(np.argmax(np.where(off == off, off, np.inf)))
            raise failed(
                "forward mode = differences", near, entry=k, rule=got[k], differences=want[k],
                error_estimate=error[k],
            )  # fmt: skip
        return
    raise failed("differences settle", case, error_estimate=estimate)


def _coarse(case: Case, vs: Any) -> Any:
    """One central difference: a witness that the complex step may be believed."""
    h = 2.0**-20
    after, before = (flat(case(*move(case.xs, vs, s))) for s in (h, -h))
    return (after - before) / (2 * h)


def _redrawn(case: Case, attempt: int) -> Case:
    """Take the same call a little further off."""
    rng = np.random.default_rng(seed_of(case.name, attempt + 50))
    moved = []
    for x in case.xs:
        shift = np.asarray(0.02 * rng.standard_normal(np.shape(x))).astype(x.dtype)
        moved.append(np.asarray(x * (1 + shift), x.dtype)[()])
    return case.at(*moved)


def _real(xs: Any) -> bool:
    return all(x.dtype.kind == "f" for x in xs)


def _largest(a: Any) -> float:
    return float(np.max(abs(a))) if np.size(a) else 0.0


def _close(a: Any, b: Any, tolerance: float) -> bool:
    return bool(np.all(abs(a - b) <= tolerance * max(1.0, _largest(b))))


def reverse(case: Case, tolerance: float = EXACT) -> None:
    """⟨ȳ, Jẋ⟩ = ⟨Jᵀȳ, ẋ⟩: reverse mode is the transpose of forward mode."""
    vs, cts = directions(case), cotangents(case)
    y, pull = vjp(case, *case.xs)
    got = pull(cts)
    pushed = jvp(case, case.xs, tuple(vs))[1]
    for x, g in zip(case.xs, got, strict=True):
        if np.shape(g) != np.shape(x) or g.dtype != x.dtype:
            raise failed(
                "a gradient has the shape and dtype of its input", case,
                input=f"{x.dtype}{list(np.shape(x))}", gradient=f"{g.dtype}{list(np.shape(g))}",
            )  # fmt: skip
    left, right = inner(cts, pushed), inner(got, vs)
    terms = inner(map(abs, cts), list(map(abs, pushed))) if pushed else 0.0
    terms = terms + inner(list(map(abs, got)), list(map(abs, vs)))
    coarser = max([1.0, *(float(np.finfo(a.dtype).eps) / 2.2e-16 for a in (*y, *case.xs))])
    if not abs(left - right) <= tolerance * coarser * (terms + 1e-3):
        raise failed("⟨ȳ, Jẋ⟩ = ⟨Jᵀȳ, ẋ⟩", case, left=left, right=right)


def each_alone(case: Case, tolerance: float = 1e-11) -> None:
    """The derivative in one argument is the same with the others constant; tangents add up."""
    if len(case.xs) < 2:
        return
    vs, cts = directions(case), cotangents(case)
    together = flat(jvp(case, case.xs, tuple(vs))[1])
    pulled = vjp(case, *case.xs)[1](cts)
    total = np.zeros_like(together)
    for k, (x, v) in enumerate(zip(case.xs, vs, strict=True)):
        alone = case.alone(k)
        total = total + flat(jvp(alone, (x,), (v,))[1])
        (mine,) = vjp(alone, x)[1](cts)
        if not _close(np.ravel(mine), np.ravel(pulled[k]), tolerance):
            raise failed("gradients alone = together", case, argument=k, alone=mine,
                         together=pulled[k])  # fmt: skip
    if not _close(total, together, tolerance):
        raise failed("tangents add up", case, sum=total, together=together)


def jacobians(case: Case, limit: int = 12, tolerance: float = 1e-11) -> None:
    """The Jacobian by columns (forward) equals the Jacobian by rows (reverse)."""
    y = case(*case.xs)
    n, m = sum(np.size(x) for x in case.xs), sum(np.size(o) for o in y)
    if not 0 < n <= limit or not 0 < m <= limit or not _real((*case.xs, *y)):
        return
    columns = [flat(jvp(case, case.xs, tuple(e))[1]) for e in _units(case.xs)]
    pull = vjp(case, *case.xs)[1]
    rows = [flat(pull(tuple(e))) for e in _units(y)]
    a, b = np.stack(columns, axis=1), np.stack(rows)
    if not _close(a, b, tolerance):
        raise failed("forward = reverse", case, forward=a.tolist(), reverse=b.tolist())


def _units(arrays: Any) -> Any:
    for k, x in enumerate(arrays):
        for i in range(np.size(x)):
            es = [np.zeros(np.shape(a), a.dtype) for a in arrays]
            es[k].flat[i] = 1
            yield [e[()] for e in es]


def value(case: Case, ulps: int = 0) -> None:
    """A traced value is bitwise NumPy's, of the same dtype and shape, in both modes.

    With `ulps` it may be off by some last digits of the largest entry.
    """
    with np.errstate(all="ignore"):
        plain = outputs(case.result(*case.xs))
    seen: list[Any] = []

    def keep(*xs: Any) -> Any:
        seen[:] = outputs(case.result(*xs))
        return inexact(seen)

    for run in (_forward_run, _reverse_run):
        run(keep, case.xs)
        if len(plain) != len(seen):
            raise failed("same number of outputs", case, plain=len(plain), traced=len(seen))
        for p, t in zip(plain, seen, strict=True):
            _same(case, p, _concrete(t), ulps)


def _forward_run(f: Any, xs: Any) -> None:
    jvp(f, xs, tuple(np.zeros_like(x)[()] for x in xs))


def _reverse_run(f: Any, xs: Any) -> None:
    vjp(f, *xs)


def _concrete(t: Any) -> Any:
    from ..tracing.tracer import concrete

    return concrete(t)


def _same(case: Case, plain: Any, traced: Any, ulps: int) -> None:
    if np.shape(plain) != np.shape(traced) or plain.dtype != traced.dtype:
        raise failed(
            "a traced value has NumPy's shape and dtype", case,
            numpy=f"{plain.dtype}{list(np.shape(plain))}",
            traced=f"{traced.dtype}{list(np.shape(traced))}",
        )  # fmt: skip
    if type(plain) is not type(traced):
        raise failed("a traced value has NumPy's class", case, numpy=type(plain),
                     traced=type(traced))  # fmt: skip
    if ulps and np.max(abs(plain - traced)) <= ulps * np.spacing(np.max(abs(plain))):
        return
    if np.asarray(plain).tobytes() != np.asarray(traced).tobytes():
        raise failed("a traced value is NumPy's, bitwise", case, numpy=plain, traced=traced)


def zeros(case: Case) -> None:
    """A zero cotangent pulls back to exact zeros, a zero tangent pushes to exact zeros."""
    y, pull = vjp(case, *case.xs)
    for g in pull(tuple(np.zeros_like(o)[()] for o in y)):
        if not np.all(g == 0):
            raise failed("Jᵀ·0 = 0", case, gradient=g)
    for t in jvp(case, case.xs, tuple(np.zeros_like(x)[()] for x in case.xs))[1]:
        if not np.all(t == 0):
            raise failed("J·0 = 0", case, tangent=t)


def layouts(case: Case, tolerance: float = 1e-11) -> None:
    """Derivatives do not depend on memory layout: transposed, strided and reversed arrays."""
    vs, cts = directions(case), cotangents(case)
    want = [*vjp(case, *case.xs)[1](cts), *jvp(case, case.xs, tuple(vs))[1]]
    for arrange in (_fortran, _strided, _reversed, _boxed):
        xs = tuple(arrange(x) for x in case.xs)
        got = [
            *vjp(case, *xs)[1](tuple(arrange(c) for c in cts)),
            *jvp(case, xs, tuple(arrange(v) for v in vs))[1],
        ]
        for a, b in zip(got, want, strict=True):
            if np.shape(a) != np.shape(b) or a.dtype != b.dtype or not _close(a, b, tolerance):
                raise failed(f"layout {arrange.__name__.strip('_')} = contiguous", case, got=a,
                             want=b)  # fmt: skip


def _fortran(x: Any) -> Any:
    return np.asarray(x, order="F") if np.ndim(x) else x


def _strided(x: Any) -> Any:
    if not np.ndim(x):
        return x
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def _reversed(x: Any) -> Any:
    return np.ascontiguousarray(x[::-1])[::-1] if np.ndim(x) else x


def _boxed(x: Any) -> Any:
    """A 0-d array where a scalar stood."""
    return x if np.ndim(x) else np.asarray(x)


def transposed_twice(case: Case, tolerance: float = 1e-11) -> None:
    """(Jᵀ)ᵀ = J: the transpose of the pullback is the pushforward."""
    vs, cts = tuple(directions(case)), cotangents(case)
    if not cts or not vs:
        return
    pull = vjp(case, *case.xs)[1]
    back = vjp(lambda *c: pull(c), *cts)[1](vs)
    want = jvp(case, case.xs, vs)[1]
    if not _close(flat(back), flat(want), tolerance):
        raise failed("(Jᵀ)ᵀ = J", case, twice=flat(back), once=flat(want))


def every_argument(op: Op) -> None:
    """Each float argument of an elementwise function has its derivative, or refuses loudly.

    Also those that the samples pass as constants: a slot that said nothing would be silently zero.
    """
    rng = np.random.default_rng(seed_of(op.name, 12))
    count = len(op.slots)
    kinks = op.kinks
    xs = tuple(draw_array(rng, (3,), interval(op, k), kinks) for k in range(count))
    case = Case(op.name, op.function, tuple(map(Place, range(count))), {}, xs, op)
    for k in range(count):
        alone = case.alone(k)
        with np.errstate(all="ignore"):
            if not all(np.all(np.isfinite(y)) for y in alone(xs[k])):
                continue
        try:
            jvp(alone, (xs[k],), (np.ones(3),))
        except UnsupportedFunctionError:
            continue
        forward(alone)


def refuses(op: Op, k: int) -> None:
    """An argument without a rule says so, in both modes, as soon as it is differentiated.

    The call is that of the first sample that gives it, at the number that stands there.
    """
    call = next(s for s in op.samples if len(s.args) > k)
    drawn = draw(op, call, np.random.default_rng(seed_of(op.name, 14)))
    args = [drawn.xs[a.position] if isinstance(a, Place) else a for a in drawn.args]
    x = np.asarray(args[k], np.float64)[()]
    case = Case(f"{op.name} in argument {k}", drawn.function, (*args[:k], Place(0), *args[k + 1 :]),
                drawn.kwargs, (x,), op)  # fmt: skip
    for name, run in (
        ("forward", lambda: jvp(case, case.xs, (np.ones_like(x)[()],))),
        ("reverse", lambda: vjp(case, x)[1](cotangents(case))),
    ):
        try:
            with np.errstate(all="ignore"):
                found = run()
        except UnsupportedFunctionError:
            continue
        raise failed("an argument without a rule is refused", case, mode=name, result=found)


def complex_inputs(case: Case) -> None:
    """For complex inputs: the derivative is right, or the error is loud.

    An op that says ``complex=True`` must compute it; any other may refuse by an error, but never
    answer wrongly. What NumPy itself refuses, or cannot compute, is nothing to differentiate.
    """
    try:
        with np.errstate(all="ignore"), catch_warnings(record=True) as told:
            simplefilter("always", np.exceptions.ComplexWarning)
            y = case(*case.xs)
    except (TypeError, ValueError, np.linalg.LinAlgError):
        return
    if any(issubclass(w.category, np.exceptions.ComplexWarning) for w in told):
        return  # it goes on with the real part
    if not all(np.all(np.isfinite(o)) for o in y):
        return
    try:
        forward(case)
        reverse(case, 1e-11)
    except CheckError:
        raise
    except ChainRuleError as error:
        if getattr(case.record, "complex", False):
            raise failed("complex inputs are taken", case, error=repr(error)) from error

"""Laws of the declarations themselves: what a slot says of its op, and what its rules read."""

import dis
from itertools import product
from typing import Any

import numpy as np

from .. import api
from ..core.equation import contract, parse, swap
from ..core.op import Op
from ..core.slots import Jvp, Linear, Partial, Vjp
from ..errors import UnsupportedFunctionError
from ..lift import record
from ..modes.reverse import pulls
from ..numeric import flat, random_like
from ..tracing.tracer import concrete
from .first import _close, failed
from .samples import Case, _fill, outputs, seed_of


def bound(case: Case) -> tuple[list[Any], dict[str, Any]]:
    """Return the inputs and params that the case's op receives."""
    op: Any = case.record
    args, kwargs = _fill(case.args, case.xs), dict(case.kwargs)
    if op.bind is not None and case.function is not op:
        args, kwargs = op.bind(*args, **kwargs)
    return [concrete(a) for a in args], kwargs


def _inexact(value: Any) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", "") in "fc"


def linear(case: Case, tolerance: float = 1e-12) -> None:
    """An op is additive and homogeneous in each `Linear` slot: op(2u − 3v) = 2·op(u) − 3·op(v).

    An `additive` op, or one whose slots share a joint transpose, is so in all of them together.
    """
    op = case.record
    if not isinstance(op, Op):
        return
    inputs, params = bound(case)
    rng = np.random.default_rng(seed_of(case.name, 9))
    slots = [op.slot(k) for k in range(len(inputs))]
    which = [k for k, s in enumerate(slots) if isinstance(s, Linear) and _inexact(inputs[k])]
    together = op.additive or any(isinstance(s, Linear) and s.joint is not None for s in slots)
    for group in [which] if together and which else [[k] for k in which]:
        u = {k: random_like(inputs[k], rng) for k in group}
        v = {k: random_like(inputs[k], rng) for k in group}
        mix = {k: np.asarray(2 * u[k] - 3 * v[k], inputs[k].dtype)[()] for k in group}
        got, fu, fv = (
            flat(outputs(op.value(*[at.get(k, x) for k, x in enumerate(inputs)], **params)))
            for at in (mix, u, v)
        )
        if not _close(got, 2 * fu - 3 * fv, tolerance):
            raise failed(f"linear in {group}", case, of_the_sum=got, sum_of=2 * fu - 3 * fv)


def equations(case: Case, tolerance: float = 1e-12) -> None:
    """An index equation computes its op, by the definition of the summation; so do its transposes.

    The same equation read by `np.einsum` agrees, where einsum can write it.
    """
    op = case.record
    if not isinstance(op, Op):
        return
    inputs, params = bound(case)
    shapes = [np.shape(a) for a in inputs]
    texts = {
        s.equation(*shapes, **params)
        for s in map(op.slot, range(len(inputs)))
        if isinstance(s, Linear) and s.equation is not None
    }
    for text in texts:
        value = op.value(*inputs, **params)
        want = summation(text, inputs, np.shape(value))
        if not _close(np.ravel(value), np.ravel(want), tolerance):
            raise failed(f"equation {text} = op", case, equation=want, op=value)
        transposes(text, inputs, np.shape(value), case)


def transposes(text: str, inputs: list[Any], shape: tuple[int, ...], case: Any = "") -> None:
    """Check `contract` on an equation and on its transpose in every operand."""
    rng = np.random.default_rng(len(text))
    got = contract(text, *inputs, shape=shape)
    want = summation(text, inputs, shape)
    if not _close(np.ravel(got), np.ravel(want), 1e-12):
        raise failed(f"contract {text}", case, got=got, want=want)
    ct = rng.uniform(-1, 1, shape)
    for k, x in enumerate(inputs):
        others = [a for j, a in enumerate(inputs) if j != k]
        turned = swap(text, k)
        got = contract(turned, ct, *others, shape=np.shape(x))
        want = summation(turned, [ct, *others], np.shape(x))
        if np.shape(got) != np.shape(x) or not _close(np.ravel(got), np.ravel(want), 1e-12):
            raise failed(f"transpose {turned} of {text}", case, got=got, want=want)


def summation(equation: str, operands: list[Any], shape: tuple[int, ...]) -> Any:
    """Evaluate an index equation by its definition, one product at a time."""
    inputs, output = parse(equation)
    sizes = dict(zip(output, shape, strict=True))
    for letters, x in zip(inputs, operands, strict=True):
        sizes.update(zip(letters, np.shape(x), strict=True))
    out = np.zeros(shape, np.result_type(*operands))
    for values in product(*map(range, sizes.values())):
        at = dict(zip(sizes, values, strict=True))
        term: Any = 1.0
        for letters, x in zip(inputs, operands, strict=True):
            term = term * np.asarray(x)[tuple(at[c] for c in letters)]
        out[tuple(at[c] for c in output)] += term
    return out


def pieces(case: Case, tolerance: float = 1e-14) -> None:
    """Adding a piece into a buffer in place equals adding the transpose to it."""
    op = case.record
    if not isinstance(op, Op):
        return
    inputs, params = bound(case)
    rng = np.random.default_rng(seed_of(case.name, 11))
    for k, x in enumerate(inputs):
        slot = op.slot(k)
        if not isinstance(slot, Linear) or slot.into is None or slot.transpose is None:
            continue
        ct = random_like(op.value(*inputs, **params), rng)
        buffer = np.asarray(random_like(x, rng))
        want = buffer + slot.transpose(ct, *inputs, **params)
        slot.into(buffer, ct, *inputs, **params)
        if not _close(np.ravel(buffer), np.ravel(want), tolerance):
            raise failed("into = transpose", case, slot=k, into=buffer, transpose=want)


def shortcuts(case: Case, tolerance: float = 1e-12) -> None:
    """A shortcut gives the cotangent that the derived rule gives, at ties too."""
    found = [case]
    if any(getattr(s, "shortcut", None) for s in getattr(case.record, "slots", ())):
        found.append(case.at(*(np.full_like(x, 0.5)[()] for x in case.xs)))
    for at in found:
        try:
            nodes = record(at, at.xs, {}, tuple(range(len(at.xs))))[1].nodes
        except np.linalg.LinAlgError:  # ties are outside of the domain
            continue
        for node in nodes:
            for k, pull in pulls(node):
                op: Any = node.op
                quick = getattr(op.slot(k), "shortcut", None) if k >= 0 else None
                if quick is None or op.outputs:
                    continue
                rng = np.random.default_rng(seed_of(case.name, 13))
                ct = random_like(np.zeros(node.shape, node.dtype), rng)
                got = quick(ct, node.output, *node.primals, **node.params)
                want = pull(ct, node)
                if got is NotImplemented:
                    continue
                if not _close(np.ravel(got), np.ravel(want), tolerance):
                    raise failed("shortcut = derived rule", at, shortcut=got, derived=want)


# --- what rules read ------------------------------------------------------------------------


def rules(op: Op) -> list[tuple[int, Any, int]]:
    """Return (slot, rule, number of value parameters) for every rule of `op` in Python."""
    found = []
    arity = len(op.slots)
    for k, slot in enumerate(op.slots):
        if isinstance(slot, Partial):
            found += [(k, r, 1 + arity) for r in (slot.rule, slot.over) if callable(r)]
        elif isinstance(slot, Jvp | Vjp):
            found.append((k, slot.rule, 2 + arity))
            if getattr(slot, "shortcut", None) is not None:
                found.append((k, slot.shortcut, 2 + arity))
        elif isinstance(slot, Linear) and slot.equation is None:
            found.append((k, slot.transpose or slot.joint, 1 + arity))
            if slot.into is not None:
                found.append((k, slot.into, 2 + arity))
    return [(k, rule, n) for k, rule, n in found if getattr(rule, "__code__", None) is not None]


def reading(op: Op) -> None:
    """A rule reads each parameter that it names, and none whose name begins with `_`.

    From the names the engine decides which values to keep: a name that promises too much costs
    memory, one that promises too little meets a placeholder.
    """
    for k, rule, count in rules(op):
        slot, code = op.slots[k], rule.__code__
        names = list(code.co_varnames[: min(code.co_argcount, count)])
        if code.co_flags & 0x04:
            names.append(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
        loaded = _loaded(code)
        if isinstance(slot, Linear):  # at its own place stands a shape, whatever it is called
            tangents = 2 if rule is slot.into else 1
            names = [n for j, n in enumerate(names[tangents:]) if slot.joint is None and j != k]
        for name in names[1 if isinstance(slot, Jvp | Vjp) else 0 :]:
            if name.startswith("_") and name in loaded:
                raise failed("a name with _ is not read", op, slot=k, name=name)
            if op.additive and name == "arrays":  # forward mode runs the op, which reads them
                continue
            if not name.startswith("_") and name not in loaded:
                raise failed("a name without _ is read", op, slot=k, name=name)


def _loaded(code: Any) -> set[str]:
    """Return the names whose values a code object reads; a shape or dtype is no value."""
    found = set(code.co_cellvars)
    steps = list(dis.get_instructions(code))
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        if not step.opname.startswith(("LOAD_FAST", "LOAD_DEREF", "LOAD_CLOSURE")):
            continue
        names = step.argval if isinstance(step.argval, tuple) else (step.argval,)
        described = after is not None and after.argval in ("shape", "dtype")
        found.update(n for n in names if not (described and n == names[-1] and n.startswith("_")))
    return found


def keeping(case: Case) -> None:
    """A reverse recording holds the values that its rules read, and no other array."""
    for node in record(case, case.xs, {}, tuple(range(len(case.xs))))[1].nodes:
        assert node.op is not None
        if node.op.name == "component":
            continue
        needs = node.op.needs(node.mask, len(node.primals))
        if not needs.output and node.output is not None:
            raise failed("an output that no rule reads is let go", case, op=node.op.name)
        for k, (needed, primal) in enumerate(zip(needs.inputs, node.primals, strict=True)):
            if not needed and isinstance(primal, np.ndarray) and primal.size:
                raise failed("an input that no rule reads is let go", case, op=node.op.name,
                             argument=k)  # fmt: skip


# --- closure under differentiation ------------------------------------------------------------


def ops_met(case: Case, order: int) -> set[str]:
    """Return the names of the ops that a derivative of order `order` runs."""

    def nest(f: Any, k: int) -> Any:
        if not k:
            return f
        below = nest(f, k - 1)
        return lambda *xs: api.jvp(below, xs, tuple(np.ones_like(concrete(x)) for x in xs))[1]

    return {n.op.name for n in api.trace(nest(case, order), *case.xs).nodes if n.op is not None}


def closed(case: Case, order: int = 3) -> None:
    """Derivatives of every order meet the same few ops: one order more breeds no new one.

    Sums and products are not counted: every derivative is made with them. Where an order is
    refused there is none.
    """
    if not case.xs or not case(*case.xs):
        return
    try:
        before, after = ops_met(case, order), ops_met(case, order + 1)
    except UnsupportedFunctionError:
        return
    if not after <= before | {"add", "multiply", "negative"}:
        raise failed(f"order {order + 1} meets no new op", case, new=sorted(after - before))

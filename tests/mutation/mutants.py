"""Corrupt one rule at a time, and see whether the laws of that op notice.

A mutant is the op with one slot replaced: its rule negated, scaled by 3/2, set to zero, or, for
an index equation, read with two axes of the transpose exchanged. The op's own samples and laws
run on it in this process; it is killed when one of them fails.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.api import jvp, trace, vjp
from chainrule.core.equation import contract, parse, swap
from chainrule.core.op import Op
from chainrule.core.slots import Index, Jvp, Linear, Partial, Slot, Vjp
from chainrule.errors import CheckError
from chainrule.lift import record
from chainrule.testing import first, higher
from chainrule.testing.samples import Case, cases
from tests.laws.test_refusals import ARGUMENTS, refusing


@dataclass(frozen=True)
class Mutant:
    """One op with one corrupted slot."""

    op: Op
    position: int
    change: str
    slot: Slot
    further: tuple[Slot, ...] = ()  # what stands for the repetitions of a variadic slot

    def __str__(self) -> str:
        return f"{self.op.name}[{self.position}] {self.change}"


CHANGES: dict[str, Callable[[Any], Any]] = {
    "negated": lambda v: v * -1.0,
    "scaled": lambda v: v * 1.5,
    "zeroed": lambda v: v * 0.0,
}


def mutants(op: Op) -> Iterator[Mutant]:
    """Yield every mutant of `op`: each slot through which a derivative flows, in every way."""
    for k, slot in enumerate(op.slots):
        if isinstance(slot, Index) or (_joint(slot) and slot in op.slots[:k]):
            continue
        if k in refusing(op):  # nothing to alter: but to leave the slot out would be silent
            yield Mutant(op, k, "removed", Index())
            continue
        if isinstance(slot, Partial) and slot.rule == 0.0:  # removed or scaled it is the same
            yield Mutant(op, k, "made one", Partial(1.0))
            continue
        for change, alter in CHANGES.items():
            yield Mutant(op, k, change, corrupt(slot, k, alter), _further(op, k, alter))
            if getattr(slot, "shortcut", None) is not None:
                quick = Jvp(slot.rule, slot.joint, Altered(slot.shortcut, alter))
                yield Mutant(op, k, f"shortcut, {change}", quick)
            if getattr(slot, "into", None) is not None:
                yield Mutant(op, k, f"in place, {change}", _into(slot, alter))
        yield Mutant(op, k, "removed", Index())
        if isinstance(slot, Linear) and slot.equation is not None:
            yield Mutant(op, k, "axes exchanged", Linear(equation=_exchanged(slot.equation, k)))
        if isinstance(slot, Partial) and k == 1:
            other = op.slots[0]
            if isinstance(other, Partial) and other.rule != slot.rule and 0 not in refusing(op):
                yield Mutant(op, k, "taken from slot 0", other)


def _further(op: Op, k: int, alter: Callable[[Any], Any]) -> tuple[Slot, ...]:
    """Corrupt a repeated equation for each argument: its transpose depends on the place."""
    slot: Any = op.slots[k]
    if not (op.variadic and k == len(op.slots) - 1 and getattr(slot, "equation", None)):
        return ()
    return tuple(corrupt(slot, j, alter) for j in range(k + 1, k + 8))


def _joint(slot: Slot) -> bool:
    return getattr(slot, "joint", None) not in (None, False) or isinstance(slot, Vjp)


def corrupt(slot: Any, k: int, alter: Callable[[Any], Any]) -> Slot:
    """Return `slot` with the result of its rule altered; what the rule reads stays the same."""
    if isinstance(slot, Partial):
        if not callable(slot.rule):
            return Partial(alter(slot.rule), over=slot.over)
        return Partial(Altered(slot.rule, alter), over=slot.over)
    if isinstance(slot, Jvp):
        return Jvp(Altered(slot.rule, alter), slot.joint, slot.shortcut)
    if isinstance(slot, Vjp):
        return Vjp(Altered(slot.rule, alter))
    if slot.equation is not None:
        return Linear(transpose=_from_equation(slot.equation, k, alter))
    if slot.transpose is not None:
        return Linear(transpose=Altered(slot.transpose, alter), into=slot.into)
    return Linear(joint=Altered(slot.joint, alter))


def _into(slot: Linear, alter: Callable[[Any], Any]) -> Linear:
    """Return `slot` with the piece altered that is added in place; its transpose stays right."""
    into: Any = slot.into

    def altered(buffer: Any, ct: Any, *xs: Any, **params: Any) -> None:
        into(buffer, alter(ct), *xs, **params)

    return Linear(transpose=slot.transpose, into=altered)


class Altered:
    """A rule whose result is altered; it shows the signature of the rule it wraps."""

    def __init__(self, rule: Any, alter: Callable[[Any], Any]) -> None:
        self.rule, self.alter = rule, alter
        if hasattr(rule, "__code__"):
            self.__code__ = rule.__code__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._map(self.rule(*args, **kwargs))

    def _map(self, value: Any) -> Any:
        if isinstance(value, tuple):
            parts = [self._map(v) for v in value]
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        return value if value is None or isinstance(value, int) else self.alter(value)


def _from_equation(equation: Any, k: int, alter: Callable[[Any], Any]) -> Any:
    """Return the transpose that `equation` declares, altered."""

    def transpose(ct: Any, *xs: Any, **params: Any) -> Any:
        text = equation(*(np.shape(x) if isinstance(x, float) else x.shape for x in xs), **params)
        others = [x for j, x in enumerate(xs) if j != k]
        return alter(contract(swap(text, k), ct, *others, shape=xs[k].shape))

    return transpose


def _exchanged(equation: Any, k: int) -> Any:
    """Return the equation with the letters of operand `k` rotated by one, or the output's."""

    def exchanged(*shapes: Any, **params: Any) -> str:
        operands, output = parse(equation(*shapes, **params))
        parts = list(operands)
        parts[k] = parts[k][1:] + parts[k][:1]
        if len(set(parts[k])) < 2:
            output = output[1:] + output[:1]
        return ",".join(parts) + "->" + output

    return exchanged


@contextmanager
def living(mutant: Mutant) -> Iterator[Op]:
    """Put the corrupted slot in place, and take it away again."""
    op, old = mutant.op, mutant.op.slots[mutant.position]
    slots, cache, needs = op.slots, dict(op.cache), dict(op.known_needs)
    everywhere = _joint(old)
    op.cache.clear()
    op.known_needs.clear()
    op.slots = tuple(
        mutant.slot if k == mutant.position or (everywhere and s is old) else s
        for k, s in enumerate(slots)
    ) + mutant.further
    try:
        yield op
    finally:
        op.slots = slots
        for kept, before in ((op.cache, cache), (op.known_needs, needs)):
            kept.clear()
            kept.update(before)


def notices(case: Case) -> str:
    """Return the name of the first law that fails for `case`, or an empty string."""
    for law in LAWS:
        try:
            law(case)
        except Exception as error:
            return f"{law.__name__}: {type(error).__name__}"
    return ""


LAWS = (first.reverse, first.forward, first.transposed_twice)


def killer(mutant: Mutant, driving: list[Case]) -> str:
    """Return the case and law that notice the mutant, or an empty string: it survives."""
    with living(mutant):
        if mutant.position in ARGUMENTS.get(mutant.op.name, ()):
            try:
                first.refuses(mutant.op, mutant.position)
            except CheckError as error:
                return f"{mutant.op.name}, refuses: {type(error).__name__}"
        for case in driving:
            law = notices(case)
            if law:
                return f"{case.name}, {law}"
        if mutant.op.function is None and not mutant.op.samples:  # made by rules alone
            for case in driving:
                try:
                    higher.nested(case, 2)
                except CheckError as error:
                    return f"{case.name}, nested: {type(error).__name__}"
        if elementwise(mutant.op):
            try:
                first.every_argument(mutant.op)
            except CheckError as error:
                return f"{mutant.op.name}, every_argument: {type(error).__name__}"
    return ""


def elementwise(op: Op) -> bool:
    """Say whether `op` is a public function of arrays, entry by entry."""
    return op.function is not None and all(isinstance(s, Partial | Index) for s in op.slots)


def drivers(op: Op, meeting: dict[str, list[Case]]) -> list[Case]:
    """Return the calls to try: the op's own samples first, then others that run it."""
    return [*cases(op), *meeting.get(op.name, [])[:MOST]]


MOST = 64  # calls tried beside the op's own samples
PER_RECORD = 3


def meetings(records: Any) -> dict[str, list[Case]]:
    """Return, for the name of every op, calls that run it: in themselves, or in a derivative.

    Those in whose own recording the op stands come first; of one record there are only a few.
    """
    near: dict[str, list[Case]] = {}
    far: dict[str, list[Case]] = {}
    for entry in records:
        for case in cases(entry):
            own = recorded(case)
            for found, names in ((near, own), (far, derived(case) - own)):
                for name in names:
                    same = [c for c in found.get(name, []) if c.record is entry]
                    if len(same) < PER_RECORD:
                        found.setdefault(name, []).append(case)
    return {name: [*near.get(name, []), *far.get(name, [])] for name in {*near, *far}}


def recorded(case: Case) -> set[str]:
    """Return the names of the ops through which a derivative of the call flows."""
    _, graph, results, _ = record(case, case.xs, {}, tuple(range(len(case.xs))))
    if not any(o.size for o in results):
        return set()
    return {n.op.name for n in graph.nodes if n.op is not None}


def derived(case: Case) -> set[str]:
    """Return the names of the ops that the first derivatives of a call run."""
    vs, cts = tuple(first.directions(case)), first.cotangents(case)
    programs = (lambda *xs: jvp(case, xs, vs)[1], lambda *xs: vjp(case, *xs)[1](cts))
    names: set[str] = set()
    for program in programs:
        names |= {n.op.name for n in trace(program, *case.xs).nodes if n.op is not None}
    pull = vjp(case, *case.xs)[1]
    back = trace(lambda *c: pull(c), *cts)
    return names | {n.op.name for n in back.nodes if n.op is not None}

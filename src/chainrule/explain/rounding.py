"""Which digits of a derivative are its own: the run again, with every rounded step rounded anew.

Where nearly equal numbers cancel, what is left are the roundings of the steps before, and no
comparison with another run of the same steps can tell. Random roundings show it: J. Vignes,
Discrete stochastic arithmetic, Numerical Algorithms 37 (2004) 377-390.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from ..core.graph import Node
from ..errors import ChainRuleError
from ..limits import begin, take
from ..modes.cotangents import Pass
from ..modes.reverse import pull_back
from ..modes.support import follow
from ..slopes import DIFFERS, NOTHING, Comparison, Row
from .costs import MOVES
from .numbers import short
from .shapes import place_text

RUNS, STEPS, NAMED = 3, 2000, 6
SEEN = 1e-5  # of a number: digits that are shown
LOST = 1e-3  # of a number: a part that rounding decides
SLIGHT = 1e-9  # of the output, by the size of the input: a slope of so much is 0 to the eye
_UNROUNDED = MOVES | frozenset(
    "negative absolute fabs maximum minimum fmax fmin max min sign floor ceil trunc rint".split())


class Roundings:
    """How far rounding moves the values of the steps and the gradients of the inputs."""

    def __init__(self, builder: Any) -> None:
        self.builder, self.run = builder, builder.run
        self.values: dict[Node, Any] = {}
        self.gradients: dict[Node, Any] = {}
        self.bars: dict[Node, Any] = {}  # of all steps
        if len(self.run.nodes) > STEPS or self.run.unsteady or builder.happenings.decides():
            return  # at a kink the sides differ, and no rounding is to blame
        rng = np.random.default_rng(0)
        with np.errstate(all="ignore"):
            for _ in range(RUNS):
                begun = begin()
                try:
                    self._again(rng)
                except (ArithmeticError, ValueError, TypeError, AttributeError, ChainRuleError,
                        np.linalg.LinAlgError):  # fmt: skip
                    self.values, self.gradients, self.bars = {}, {}, {}
                    return
                finally:
                    take(begun, None)

    def _again(self, rng: Any) -> None:
        run, sweep = self.run, self.builder.sweep
        twin: dict[Node, Node] = {}
        for node in run.nodes:
            primals = [p if parent is None or parent not in twin else twin[parent].output
                       for parent, p in zip(node.inputs, node.primals, strict=True)]  # fmt: skip
            out = node.op.value(*primals, **node.params)
            rounded = self._rounded(node)
            parts = tuple(_moved(p, rng, rounded) for p in out) if isinstance(out, tuple) else None
            out = _moved(out, rng, rounded) if parts is None else (
                type(out)(*parts) if hasattr(out, "_fields") else parts)
            twin[node] = Node(node.op, tuple(twin.get(p, p) for p in node.inputs), node.params,
                              node.place, node.mask, primals, out, node.shape, node.dtype)
            if parts is None:
                _farther(self.values, node, out, node.output)
        if run.output not in twin:
            return
        cts: dict[Any, Any] = {twin[run.output]: self.builder.seed}
        state = Pass(list(twin.values()), cts, follow)
        for node in reversed(run.nodes):
            ct = cts.pop(twin[node], None)
            if ct is not None:
                if node in sweep.gradients:
                    ct = self._summed(node, ct, rng)
                    _farther(self.bars, node, ct, sweep.gradients[node])
                pull_back(twin[node], ct, cts, state)
        for node in run.inputs:
            if node in sweep.gradients and node in cts:
                ct = self._summed(node, cts[node], rng)
                _farther(self.gradients, node, ct, sweep.gradients[node])

    def _rounded(self, node: Node) -> bool:
        """Say whether a step's value is not exact."""
        if node.op is None or node.op.name in _UNROUNDED:
            return False
        symbol = self.run.symbol_of.get(node)
        return symbol is None or not self.builder.digits.is_held(symbol.id)

    def _summed(self, node: Node, ct: Any, rng: Any) -> Any:
        """Round the sum of what arrives at a step, by the size of its terms."""
        if self.builder.digits.is_held("bar:" + self.run.symbol_of[node].id):
            return ct
        return ct + _unit(ct, rng) * self._terms(node)

    def _terms(self, node: Node) -> Any:
        return sum(np.abs(t.value) for t in self.builder.sweep.terms.get(node, []))

    # --- what is told ---------------------------------------------------------------------------
    def judged(self, found: Comparison) -> Comparison:
        """Take back verdicts on numbers that rounding decides: two such agree by chance."""
        rows = [self._judged(r) for r in found.rows]
        along = found.along
        if any(r.verdict == NOTHING and r.why != old.why
               for r, old in zip(rows, found.rows, strict=True)):
            words = "its steps round as those of the derivative do, which proves nothing here"
            along = replace(along, left_out=words)
        return Comparison(tuple(rows), along, found.entries)

    def _judged(self, row: Row) -> Row:
        node = self.run.inputs[row.position]
        spread = np.max(np.asarray(self.gradients.get(node, 0.0))[
            row.index if node in self.gradients else ()])  # fmt: skip
        if not spread > LOST * abs(row.derivative):
            if row.verdict == DIFFERS and self._lost(self.run.output):
                return replace(row, verdict=NOTHING, why="rounding decides the program's values")
            return row
        why = f"rounding alone moves it by {_told(spread)}"
        if self._is_lost(node, spread):
            return replace(row, verdict=NOTHING, why=f"{why}, so its digits say nothing")
        return replace(row, verdict=NOTHING if row.verdict == DIFFERS else row.verdict, why=why)

    def _is_lost(self, node: Node, spread: Any) -> bool:
        """Say whether rounding moves a gradient by more than what is 0 beside the output."""
        far = max(1.0, float(np.max(np.abs(node.output), initial=0.0)))
        return bool(spread > SLIGHT * np.abs(self.run.value)[self.builder.entry or ()] / far)

    def of(self, node: Node) -> float:
        """Return by how much rounding moves the gradient of an input."""
        return float(np.max(self.gradients.get(node, 0.0), initial=0.0))

    def decides(self, node: Node) -> bool:
        """Say whether rounding decides the gradient of an input."""
        spread = self.gradients.get(node, 0.0)
        lost = np.any(spread > LOST * np.abs(self.builder.settled_of(node)))
        return bool(lost and self._is_lost(node, np.max(spread, initial=0.0)))

    def _noise(self) -> list[str]:
        """Tell the gradients of steps that are 0 but for rounding."""
        found, most = [], 0.0
        for node, spread in self.bars.items():
            value = np.abs(self.builder.sweep.gradients[node])
            far = np.where((spread > LOST * value) & (value > 0), spread, 0.0)
            if np.any(far) and node in self.run.symbol_of:
                name = self.run.symbols["bar:" + self.run.symbol_of[node].id].text
                some = np.size(value) > 1 and not np.all((far > 0) | (value == 0))
                found.append(f"entries of {name}" if some else name)
                most = max(most, float(np.max(far)))
        if not found:
            return []
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        return [f"digits of {', '.join(found[:NAMED])}{more} are those of rounding, which moves "
                f"them by up to {_told(most)}: they say nothing"]  # fmt: skip

    def notes(self) -> list[str]:
        """Tell the first step whose digits are lost, and the gradients whose are."""
        told = self._noise()
        for node, spread in self.gradients.items():
            size = np.abs(self.builder.sweep.gradients[node])
            far = np.where(spread > LOST * size, spread, 0.0)
            seen = np.where((spread > SEEN * size) & (spread <= LOST * size), spread, 0.0)
            if self._is_lost(node, np.max(far, initial=0.0)):
                bar = self.run.symbols["bar:" + self.run.symbol_of[node].id].text
                told.append(f"rounding alone moves {bar} by {_told(np.max(far))}: its digits, or "
                            "those of some of its entries, say nothing")  # fmt: skip
            elif np.any(seen):
                bar = self.run.symbols["bar:" + self.run.symbol_of[node].id].text
                told.append(f"rounding alone moves {bar} by up to {_told(np.max(seen))}: of the "
                            "digits that are shown the last are not its own")  # fmt: skip
        for node in self.run.nodes:  # what a solver's rows carry is 0 at the point
            if node in self.run.symbol_of and self._lost(node) and (
                    node not in self.builder.happenings.carried):
                name, spread = self.run.symbol_of[node].text, np.max(self.values[node])
                return [
                    f"{name} ({place_text(self.run.source(node))}): nearly equal numbers cancel, "
                    f"here or on the way to it; rounding alone moves it by {_told(spread)}, so its "
                    "digits say nothing", *told]
        return told

    def _lost(self, node: Any) -> bool:
        spread = self.values.get(node)
        if spread is None or not np.size(spread) or node.dtype.kind not in "fc":
            return False
        sizes = [np.max(np.abs(p), initial=0.0) for p in node.primals
                 if np.asarray(p).dtype.kind in "fc"]  # fmt: skip
        enough = np.max(spread) > 1e-25 * max(sizes, default=0.0)
        return bool(enough and np.any(spread > LOST * np.abs(node.output)))


def _told(spread: Any) -> str:
    return short(float(spread), 2)[0].replace("-", "−")


def _unit(v: Any, rng: Any) -> Any:
    dtype = np.asarray(v).dtype
    u = rng.uniform(-1, 1, np.shape(v))  # the least moves a number, too: none stands by chance
    return np.finfo(dtype).eps * ((u + np.sign(u)) / 2).astype(dtype.char.lower())[()]


def _moved(v: Any, rng: Any, rounded: bool) -> Any:
    if not rounded or np.asarray(v).dtype.kind not in "fc":
        return v
    return v + v * _unit(v, rng)


def _farther(found: dict[Node, Any], node: Node, a: Any, b: Any) -> None:
    if np.asarray(b).dtype.kind in "fc" and np.shape(a) == np.shape(b):
        gap = np.nan_to_num(np.abs(np.asarray(a) - b), posinf=0.0)
        found[node] = np.maximum(found.get(node, 0.0), gap)

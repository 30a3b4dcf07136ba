"""``chainrule check``: the whole function's derivatives against three independent tests."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .. import api, tree
from ..diagnose.compare import same_run, states
from ..errors import CheckError
from ..lift import parameter_name
from ..numeric import flat, inner, random_like
from ..slopes import AGREES, CHOICE, DIFFERS, NOTHING, compare, silent
from ..testing import check_grads
from ..tracing.tracer import TRACERS, concrete
from .console import table
from .target import Target

ENTRIES = 48  # entries compared one by one in each input; more are drawn at random
_RTOL = {"f": 2e-2, "d": 1e-7}
_SAID = {AGREES: "ok", CHOICE: "a choice", DIFFERS: "DIFFERS", NOTHING: "cannot be compared"}


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison, at its worst entry."""

    test: str
    entry: str
    derivative: float
    reference: float
    difference: float
    verdict: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All comparisons, and what `check_grads` says of the fault if there is one."""

    rows: tuple[Row, ...]
    fault: str

    @property
    def passed(self) -> bool:
        """Say whether all agree, or are a choice that was made at a kink."""
        return not self.fault and all(row.verdict in (AGREES, CHOICE) for row in self.rows)

    @property
    def verdict(self) -> str:
        """The closing words."""
        if self.fault or any(row.verdict == DIFFERS for row in self.rows):
            return "they differ"
        if any(row.verdict == NOTHING for row in self.rows):
            return "not everything can be compared here"
        if any(row.verdict == CHOICE for row in self.rows):
            return "all agree, as far as a kink lets them: there a choice was made"
        return "all agree"

    def text(self) -> str:
        """Lay the report out as a table."""
        header = ("test", "worst entry", "derivative", "reference", "|Δ|", "")
        rows = [
            (r.test, r.entry, f"{r.derivative:.10g}", _or_none(r, r.reference, ".10g"),
             _or_none(r, r.difference, ".1e"),
             _SAID[r.verdict] + (f": {r.why}" if r.why else ""))
            for r in self.rows
        ]  # fmt: skip
        lines = table(header, rows, frozenset({2, 3, 4}))
        return lines + (f"\n\n{self.fault}" if self.fault else "")

    def json(self) -> dict[str, Any]:
        """Return the figures as data."""
        rows = [
            {k: str(v) if isinstance(v, float) and not np.isfinite(v) else v
             for k, v in asdict(r).items()} for r in self.rows
        ]  # fmt: skip
        return {"passed": self.passed, "verdict": self.verdict, "fault": self.fault, "rows": rows}


def _or_none(row: Row, number: float, form: str) -> str:
    return "—" if row.verdict == NOTHING else format(number, form)


def examine(target: Target, argnums: tuple[int, ...], seed: int = 0) -> Report:
    """Compare reverse mode with differences and the complex step, and with forward mode.

    Errors
    ------
    CheckError where the value itself is not finite, so that nothing can be compared.
    """
    with silent():
        problem = _Problem(target, argnums, np.random.default_rng(seed))
        rows = [*problem.entries(seed), problem.pairing()]
        wrong = any(row.verdict == DIFFERS for row in rows)
        fault = problem.fault(seed) if wrong else ""
    return Report(tuple(rows), fault)


def _named(f: Any, name: str, program: Any) -> Any:
    def function(*xs: Any) -> Any:
        return f(*xs)

    function.__wrapped__ = program  # type: ignore[attr-defined]  # whose names have doors

    function.__name__ = name
    return function


class _Problem:
    """The target as a function of a flat list of arrays, with one cotangent drawn at random."""

    def __init__(self, target: Target, argnums: tuple[int, ...], rng: np.random.Generator) -> None:
        self.target, self.argnums, self.rng = target, argnums, rng
        chosen = [target.args[k] for k in argnums]
        leaves, self.treedef = tree.flatten(chosen)
        self.names = [
            parameter_name(target.function, k) + path
            for k, arg in zip(argnums, chosen, strict=True) for path in tree.paths(arg)
        ]  # fmt: skip
        arrays = [np.asarray(x) for x in leaves]
        self.xs = [(x if x.dtype.kind in "fc" else x.astype(float))[()] for x in arrays]
        self.kept: list[int] | None = None  # which outputs are floats; an integer may be one beside
        self.state, self.stopped = states(), list[Any]()
        self.traced = _named(self.call, target.label, target.function)
        outputs, pull = api.vjp(self.traced, *self.xs)
        if not np.all(np.isfinite(flat(outputs))):
            raise CheckError(
                f"{target.label} is not finite at this point, so nothing can be compared",
                cure="check at a point in the inside of its domain: --at name=value",
            )
        self.scalar = len(outputs) == 1 and np.size(outputs[0]) == 1
        self.ct = tuple(np.ones_like(y) if self.scalar else random_like(y, rng) for y in outputs)
        self.gradient = pull(self.ct)

    def call(self, *xs: Any) -> tuple[Any, ...]:
        """Run the function; return its floating-point outputs as a tuple."""
        args = list(self.target.args)
        for k, arg in zip(self.argnums, tree.unflatten(self.treedef, list(xs)), strict=True):
            args[k] = arg
        leaves = tree.flatten(self.target.function(*args))[0]
        arrays = [y if type(y) in TRACERS or hasattr(y, "dtype") else np.asarray(y)[()]
                  for y in leaves]  # fmt: skip
        kinds = [np.result_type(concrete(y)).kind for y in arrays]
        if self.kept is None:
            numbers = [k for k, kind in enumerate(kinds) if kind in "fc"]
            self.kept = numbers or [k for k, kind in enumerate(kinds) if kind in "iu"]
        return tuple(arrays[k] if kinds[k] in "fc" else np.float64(arrays[k]) for k in self.kept)

    def paired(self, *xs: Any) -> tuple[Any, ...]:
        """Return ⟨ȳ, f(x)⟩: one number, whose gradient is Jᵀȳ."""
        total: Any = 0.0
        for c, y in zip(self.ct, self.call(*xs), strict=True):
            total = total + np.sum(c * y)
        return (np.asarray(total)[()],)

    def entries(self, seed: int) -> list[Row]:
        """Compare every input with differences, and all along one direction by a complex step."""
        def plain(*xs: Any) -> Any:
            with same_run(self.state, self.stopped):
                return self.paired(*xs)[0]

        found = compare(plain, self.xs, self.gradient, ENTRIES, ENTRIES, seed=seed)
        rows = []
        for j, name in enumerate(self.names):
            worst = found.worst(j)
            if worst is not None:
                place = f"[{', '.join(map(str, worst.index))}]" if worst.index else ""
                rows.append(Row(
                    "reverse · differences", name + place, float(np.real(worst.derivative)),
                    float(np.real(worst.reference)), worst.difference, worst.verdict, worst.why,
                ))  # fmt: skip
        step = found.along
        if not step.left_out:
            rows.append(Row("reverse · complex step", "random direction", step.derivative,
                            step.reference, abs(step.derivative - step.reference),
                            AGREES))  # fmt: skip
        return rows

    def pairing(self) -> Row:
        """Compare forward with reverse mode: ⟨ȳ, Jẋ⟩ = ⟨Jᵀȳ, ẋ⟩."""
        vs = tuple(random_like(x, self.rng) for x in self.xs)
        with same_run(self.state, self.stopped):
            tangents = api.jvp(self.traced, tuple(self.xs), vs)[1]
        forward, reverse = float(inner(self.ct, tangents)), float(inner(self.gradient, vs))
        single = any(x.dtype.char in "fF" for x in self.xs)
        off, allowed = abs(forward - reverse), _RTOL["f" if single else "d"]
        verdict = AGREES if off <= allowed * max(1.0, abs(forward)) else DIFFERS
        why = ""
        if not np.isfinite(forward) and not np.isfinite(reverse):
            verdict, why = NOTHING, "the rules give no finite number here"
        test = "reverse · forward mode"
        return Row(test, "random direction", reverse, forward, off, verdict, why)

    def fault(self, seed: int) -> str:
        """Ask `check_grads` which operation is to blame."""
        try:
            check_grads(self.call, tuple(self.xs), order=1, seed=seed)
        except CheckError as error:
            return str(error)
        return ""

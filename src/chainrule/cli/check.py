"""``chainrule check``: the whole function's derivatives against three independent tests."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .. import api, tree
from ..errors import CheckError
from ..lift import parameter_name
from ..numeric import complex_step, directional, flat, inner, random_like
from ..testing import check_grads
from .console import table
from .target import Target

ENTRIES = 48  # entries compared one by one in each input; more are drawn at random
_RTOL = {"f": 2e-2, "d": 1e-7}


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison, at its worst entry."""

    test: str
    entry: str
    derivative: float
    reference: float
    difference: float
    tolerance: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Report:
    """All comparisons, and what `check_grads` says of the fault if there is one."""

    rows: tuple[Row, ...]
    fault: str

    @property
    def passed(self) -> bool:
        """Say whether all agree."""
        return not self.fault and all(row.ok for row in self.rows)

    def text(self) -> str:
        """Lay the report out as a table."""
        header = ("test", "worst entry", "derivative", "reference", "|Δ|", "")
        rows = [
            (r.test, r.entry, f"{r.derivative:.10g}", f"{r.reference:.10g}", f"{r.difference:.1e}",
             "ok" if r.ok else "DIFFERS")
            for r in self.rows
        ]  # fmt: skip
        lines = table(header, rows, frozenset({2, 3, 4}))
        return lines + (f"\n\n{self.fault}" if self.fault else "")

    def json(self) -> dict[str, Any]:
        """Return the figures as data."""
        return {"passed": self.passed, "fault": self.fault, "rows": [asdict(r) for r in self.rows]}


def examine(target: Target, argnums: tuple[int, ...], seed: int = 0) -> Report:
    """Compare reverse mode with differences and the complex step, and with forward mode.

    Errors
    ------
    CheckError where the value itself is not finite, so that nothing can be compared.
    """
    problem = _Problem(target, argnums, np.random.default_rng(seed))
    rows = [problem.worst_entry(j) for j in range(len(problem.xs)) if np.size(problem.xs[j])]
    along = problem.complex_step()
    if along is not None:
        rows.append(along)
    rows.append(problem.pairing())
    fault = ""
    if not all(row.ok for row in rows):
        fault = problem.fault(seed)
    return Report(tuple(rows), fault)


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
        self.xs = [np.asarray(x)[()] for x in leaves]
        outputs, pull = api.vjp(self.call, *self.xs)
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
        arrays = [y if hasattr(y, "dtype") else np.asarray(y)[()] for y in leaves]
        return tuple(y for y in arrays if y.dtype.kind in "fc")

    def paired(self, *xs: Any) -> tuple[Any, ...]:
        """Return ⟨ȳ, f(x)⟩: one number, whose gradient is Jᵀȳ."""
        total: Any = 0.0
        for c, y in zip(self.ct, self.call(*xs), strict=True):
            total = total + np.sum(c * y)
        return (np.asarray(total)[()],)

    def tolerance(self, reference: float, error: float) -> float:
        """How far a derivative may lie from a reference of this size and estimated error."""
        single = any(x.dtype.char in "fF" for x in self.xs)
        base = _RTOL["f" if single else "d"]
        return base * max(1.0, abs(reference)) + 20 * error

    def worst_entry(self, j: int) -> Row:
        """Compare input `j` entry by entry with extrapolated central differences."""
        shape = np.shape(self.xs[j])
        places = list(np.ndindex(shape)) if np.size(self.xs[j]) <= ENTRIES else [
            tuple(int(n) for n in np.unravel_index(k, shape))
            for k in sorted(self.rng.choice(np.size(self.xs[j]), ENTRIES, replace=False))
        ]  # fmt: skip
        rows = [self._entry(j, place) for place in places]
        return max(rows, key=lambda row: (not row.ok, row.difference / row.tolerance))

    def _entry(self, j: int, place: tuple[int, ...]) -> Row:
        unit = [np.zeros_like(np.asarray(x)) for x in self.xs]
        unit[j][place] = 1
        try:
            number, error = directional(self.paired, self.xs, [u[()] for u in unit], rounds=16)
            reference, slack = float(np.real(number[0])), float(error[0])
        except ArithmeticError:
            reference, slack = float("nan"), 0.0
        mine = float(np.real(np.asarray(self.gradient[j])[place]))
        name = self.names[j] + (f"[{', '.join(map(str, place))}]" if place else "")
        return self._row("reverse · differences", name, mine, reference, slack)

    def _row(self, test: str, entry: str, mine: float, reference: float, error: float) -> Row:
        difference, allowed = abs(mine - reference), self.tolerance(reference, error)
        return Row(test, entry, mine, reference, difference, allowed, bool(difference <= allowed))

    def complex_step(self) -> Row | None:
        """Compare along a random direction; None where the function takes no complex numbers.

        It confirms and never accuses: of a function that is not analytic its figure is wrong.
        """
        vs = [random_like(x, self.rng) for x in self.xs]
        if any(x.dtype.kind == "c" for x in self.xs):
            return None
        number = complex_step(self.paired, self.xs, vs)
        if number is None:
            return None
        row = self._row(
            "reverse · complex step", "random direction", float(inner(self.gradient, vs)),
            float(number[0]), 0.0,
        )  # fmt: skip
        return row if row.ok else None

    def pairing(self) -> Row:
        """Compare forward with reverse mode: ⟨ȳ, Jẋ⟩ = ⟨Jᵀȳ, ẋ⟩."""
        vs = tuple(random_like(x, self.rng) for x in self.xs)
        tangents = api.jvp(self.call, tuple(self.xs), vs)[1]
        forward, reverse = float(inner(self.ct, tangents)), float(inner(self.gradient, vs))
        return self._row("reverse · forward mode", "random direction", reverse, forward, 0.0)

    def fault(self, seed: int) -> str:
        """Ask `check_grads` which operation is to blame."""
        try:
            check_grads(self.call, tuple(self.xs), order=1, seed=seed)
        except CheckError as error:
            return str(error)
        return ""

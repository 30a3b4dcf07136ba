"""Which functions of NumPy and SciPy are differentiated, and how: the page docs/coverage.md.

Every public function of NumPy is one of: differentiable with a rule; differentiable through
NumPy's own Python; constant; refused. The first is read off the registry, the third and fourth
off `ops.kinds`, and the second is a list of sample calls here, which a test differentiates.

``python -m chainrule.testing.coverage docs/coverage.md`` writes the page.
"""

import sys
import textwrap
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..core import registry
from ..core.op import Op
from ..core.slots import Index
from ..ops.numpy.kinds import REFUSED, entries
from ..tracing.arrays import DOORS
from ..tracing.casts import TYPES

RULE, OWN, CONSTANT, REFUSES, UNKNOWN = "rule", "own", "constant", "refused", "unknown"
NAMESPACES = (
    "numpy", "numpy.linalg", "numpy.fft", "numpy.emath", "numpy.lib.stride_tricks",
    "numpy.polynomial", "numpy.polynomial.polynomial", "numpy.polynomial.chebyshev",
    "numpy.polynomial.legendre", "numpy.polynomial.hermite", "numpy.polynomial.hermite_e",
    "numpy.polynomial.laguerre", "numpy.polynomial.polyutils",
)  # fmt: skip
SUMMARIES = {
    "numpy.ma": "Masked arrays are refused: they hold plain memory. Write "
    "`np.where(mask, 0, x)`, or the `nan` functions.",
    "numpy.char, numpy.strings": "Text carries no derivative.",
    "numpy.random": "Draws are constants; what is traced are their location and scale.",
    "numpy.rec": "Records are refused: keep the fields as separate arrays.",
    "numpy.testing": "Assertions look at values, and nothing flows.",
    "numpy.ctypeslib, numpy.f2py": "Compiled code takes plain numbers: `chainrule.custom_rule`.",
}  # fmt: skip


@dataclass(frozen=True)
class Own:
    """A call that NumPy's own Python answers: ``call(function, *xs)`` for arrays of `shapes`."""

    call: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...] = ((4,),)


def _class_of_series() -> Own:
    def call(f: Any, c: Any, x: Any) -> Any:
        return [f(c)(x), (f(c) * f(c)).deriv().coef, f(c).integ(1)(x)]

    return Own(call, ((3,), (2,)))


OWN_CALLS: dict[str, Own] = {
    "numpy.array_split": Own(lambda f, x: f(x, 3)),
    "numpy.split": Own(lambda f, x: f(x, [1, 3])),
    "numpy.hsplit": Own(lambda f, x: f(x, 2), ((2, 4),)),
    "numpy.vsplit": Own(lambda f, x: f(x, 2), ((2, 3),)),
    "numpy.dsplit": Own(lambda f, x: f(x, 2), ((2, 1, 4),)),
    "numpy.unstack": Own(lambda f, x: f(x), ((2, 3),)),
    "numpy.frompyfunc": Own(lambda f, x: f(lambda v: v * v, 1, 1)(x).astype(float), ((3,),)),
    "numpy.row_stack": Own(lambda f, x, y: f([x, y]), ((3,), (3,))),
    "numpy.ix_": Own(lambda f, x, y: list(f(x, y)), ((2,), (3,))),
    "numpy.put_along_axis": Own(lambda f, x: _put_along(f, x), ((2, 3),)),
    "numpy.unique_all": Own(lambda f, x: f(x).values),
    "numpy.unique_counts": Own(lambda f, x: f(x).values),
    "numpy.unique_inverse": Own(lambda f, x: f(x).values),
    "numpy.unique_values": Own(lambda f, x: f(x)),
    "numpy.vectorize": Own(lambda f, x: f(lambda v: v * v if v > 0 else np.sin(v))(x)),
    "numpy.poly1d": Own(lambda f, c, x: [f(c)(x), (f(c) * f(c)).deriv().coeffs], ((3,), (2,))),
    "numpy.fromfunction": Own(lambda f, x: f(lambda i, j: x[0] * i + x[1] * j, (2, 3)), ((2,),)),
    "numpy.ndarray": Own(lambda f, x: x * isinstance(x, f)),
    "numpy.linalg.matmul": Own(lambda f, x, y: f(x, y), ((2, 3), (3, 2))),
    "numpy.linalg.tensordot": Own(lambda f, x, y: f(x, y), ((2, 3), (2, 3))),
    "numpy.linalg.vecdot": Own(lambda f, x, y: f(x, y), ((2, 3), (3,))),
    "numpy.trapz": Own(lambda f, x: f(x)),
    "numpy.polynomial.chebyshev.chebinterpolate": Own(
        lambda f, x: f(lambda t, a: np.exp(a * t), 3, (x[0],))
    ),
    "numpy.polynomial.polyutils.trimseq": Own(lambda f, x: f(x)),
} | {
    f"numpy.polynomial.{name}": _class_of_series()
    for name in ("Polynomial", "Chebyshev", "Legendre", "Hermite", "HermiteE", "Laguerre")
}  # fmt: skip


def _put_along(f: Any, x: Any) -> Any:
    y = x * 1.0
    f(y, np.array([[1], [0]]), x[:, :1] * 2, 1)
    return y


# --- classification ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One public function: what it is, and in one line why."""

    name: str
    kind: str
    group: str = ""
    words: str = ""


def public(namespace: str) -> Iterator[tuple[str, Any]]:
    """Yield every public callable of a module of NumPy under its full name."""
    module = import_module(namespace) if namespace != "numpy.emath" else np.emath
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in sorted(dir(module)):
            value = None if name.startswith("_") else getattr(module, name, None)
            if callable(value) and not isinstance(value, types.ModuleType):
                yield f"{namespace}.{name}", value


def classify(name: str, value: Any) -> Entry:
    """Say which of the four kinds a public function of NumPy is."""
    group, reason = entries().get(name, ("", ""))
    if group:
        return Entry(name, CONSTANT, group, reason)
    if name in REFUSED:
        return Entry(name, REFUSES, "", REFUSED[name][0])
    record = _record(value)
    if isinstance(record, Op) and all(isinstance(s, Index) for s in record.slots):
        return Entry(name, CONSTANT, "piecewise constant", "nothing flows")
    if record is not None or _has_door(value):
        return Entry(name, RULE)
    own = OWN_CALLS.get(name) or OWN_CALLS.get(f"numpy.polynomial.{name.rsplit('.', 1)[1]}")
    if own is not None:
        return Entry(name, OWN)
    if isinstance(value, type) and issubclass(value, np.generic):
        return Entry(name, CONSTANT, "types of whole numbers, text and dates", "no float")
    return Entry(name, UNKNOWN)


def _record(value: Any) -> Any:
    try:
        return registry.find(value)
    except TypeError:  # not hashable
        return None


def _has_door(value: Any) -> bool:
    try:
        return value in DOORS or value in TYPES
    except TypeError:
        return False


def numpy_entries() -> list[Entry]:
    """Classify every public function of NumPy's namespaces."""
    registry.load_all()
    return [classify(*found) for space in NAMESPACES for found in public(space)]


def doubles() -> list[str]:
    """Return the functions that stand in more than one table."""
    tables = (set(entries()), set(REFUSED), set(OWN_CALLS))
    return sorted(n for i, a in enumerate(tables) for b in tables[i + 1 :] for n in a & b)


# --- SciPy ------------------------------------------------------------------------------------

SCIPY = (
    "special", "linalg", "fft", "signal", "interpolate", "integrate", "optimize", "stats",
    "spatial.distance", "ndimage", "sparse", "sparse.linalg",
)  # fmt: skip


def scipy_entries(package: str) -> tuple[list[str], list[str]]:
    """Return the public functions of a subpackage with a record, and those without one."""
    module = import_module(f"scipy.{package}")
    registry.load_all()
    known, unknown = [], []
    for name in sorted(set(module.__all__)):
        value = getattr(module, name, None)
        if not callable(value) or (isinstance(value, type) and issubclass(value, Exception)):
            continue
        (known if _reached(value) else unknown).append(name)
    return known, unknown


def _reached(value: Any) -> bool:
    """Say whether a function, some method of a class, or of an instance's class has a record."""
    if _record(value) is not None:
        return True
    cls = value if isinstance(value, type) else type(value)
    if cls.__module__.split(".")[0] != "scipy":
        return False
    return any(
        _record(member) is not None
        for base in cls.__mro__ if base.__module__.split(".")[0] == "scipy"
        for member in vars(base).values() if isinstance(member, types.FunctionType)
    )  # fmt: skip


# --- the page ---------------------------------------------------------------------------------


def versions() -> str:
    """Return the versions that the page is made with."""
    import scipy

    numbers = [".".join(m.__version__.split(".")[:2]) for m in (np, scipy)]
    return f"NumPy {numbers[0]} and SciPy {numbers[1]}"


def page() -> str:
    """Return the text of docs/coverage.md."""
    found = numpy_entries()
    lines = [
        "# What is differentiated",
        "",
        f"Made with {versions()} by `python -m chainrule.testing.coverage docs/coverage.md`;",
        "a test holds that it is up to date and that no function of NumPy is missing.",
        "",
        "Every public function of NumPy is one of four kinds: it has a **rule**; it is answered",
        "**through NumPy's own Python**, which runs on traced arrays and is checked by a sample",
        "call; it is **constant**, because nothing can flow through it; or it is **refused** with",
        "an error that says why and what to write instead. Nothing is lost silently.",
        "",
        "| | rule | NumPy's own Python | constant | refused |",
        "|---|---|---|---|---|",
    ]
    for space in NAMESPACES:
        mine = [e for e in found if e.name.rsplit(".", 1)[0] == space]
        counts = " | ".join(
            str(sum(e.kind == kind for e in mine)) for kind in (RULE, OWN, CONSTANT, REFUSES)
        )
        lines.append(f"| `{space}` | {counts} |")
    lines += ["", "Summed up:", ""]
    lines += [f"- `{name}`: {words}" for name, words in SUMMARIES.items()]
    for space in NAMESPACES:
        lines += _section(space, [e for e in found if e.name.rsplit(".", 1)[0] == space])
    lines += ["", "# Refused, and what to write instead", "", "| function | why | instead |"]
    lines += ["|---|---|---|"]
    lines += [f"| `{name}` | {why} | {cure} |" for name, (why, cure) in REFUSED.items()]
    return "\n".join([*lines, *_scipy_lines()]) + "\n"


def _section(space: str, found: list[Entry]) -> list[str]:
    lines = ["", f"## {space}"]
    for kind, title in ((RULE, "Rule"), (OWN, "NumPy's own Python"), (REFUSES, "Refused")):
        lines += _names(title, [e.name for e in found if e.kind == kind])
    groups: dict[tuple[str, str], list[str]] = {}
    for e in found:
        if e.kind == CONSTANT:
            groups.setdefault((e.group, e.words), []).append(e.name)
    for (group, words), names in sorted(groups.items()):
        lines += _names(f"Constant, {group} ({words})", names)
    return lines


def _names(title: str, names: list[str]) -> list[str]:
    if not names:
        return []
    words = " ".join(f"`{n.rsplit('.', 1)[1] if '.' in n else n}`" for n in names)
    text = f"**{title}** ({len(names)}): {words}"
    wrapped = textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False)
    return ["", *wrapped]


def _scipy_lines() -> list[str]:
    lines = [
        "", "# SciPy", "",
        "What has no record is refused when a traced value reaches compiled code, or runs SciPy's",
        "own Python where that is made of supported functions.",
    ]  # fmt: skip
    for package in SCIPY:
        known, unknown = scipy_entries(package)
        lines += ["", f"## scipy.{package}"]
        lines += _names("Record", known) + _names("No record", unknown)
    return lines


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")

"""Which systems differentiate scientists' programs exactly as they stand?

    python benchmarks/everyday.py                        all systems that are installed
    python benchmarks/everyday.py --systems chainrule jax --only quantum. --json out.json
    python benchmarks/everyday.py --write docs/everyday.md

Every function of ``tests/everyday/programs`` is given, unmodified, to every system, at its points,
and the gradient (outputs weighted by fixed numbers) is compared with Richardson-extrapolated
central differences of the plain function. The outcome is one of

right    value and gradient agree at all points
loud     an exception, or no gradient at all (``None``, NaN): the user knows
warned   a wrong gradient, with a warning
wrong    a wrong value or gradient, and nothing is said
late     no answer within the time limit, or the process died

autograd and JAX are judged twice: on the function as it stands, and on its module executed anew
with the peer's `numpy` and `scipy` in the place of NumPy and SciPy (what the peer lacks stays
theirs), which is how they are meant to be used. Each system runs in a process of its own, which is
started anew after a death or a time-out.
"""

import argparse
import builtins
import contextlib
import importlib.metadata
import importlib.util
import io
import json
import os
import pickle
import platform
import select
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.everyday.collect import Program, programs  # noqa: E402
from tests.everyday.points import leaves, rebuild, tolerance  # noqa: E402

THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
STATES = ("right", "loud", "warned", "wrong", "late")
Answer = tuple[Any, Any]  # value and gradient leaves; None where there is no gradient


def weights_of(value: Any) -> Any:
    """Return the fixed weights that make a number of an array of outputs."""
    return (1.0 + np.arange(np.size(value), dtype=float) / 7).reshape(np.shape(value))[()]


def by_chainrule(function: Callable[[Any], Any], point: Any) -> Answer:
    import chainrule

    value, pullback = chainrule.vjp(function, point)
    (gradient,) = pullback(weights_of(value))
    return value, leaves(gradient)


def by_autograd(function: Callable[[Any], Any], point: Any) -> Answer:
    import autograd

    _autograd_parts()
    pullback, value = autograd.make_vjp(function)(point)
    return value, leaves(pullback(weights_of(value)))


def _autograd_parts() -> None:
    for part in ("integrate", "linalg", "signal", "special", "stats"):  # they record its rules
        importlib.import_module(f"autograd.scipy.{part}")


def by_jax(function: Callable[[Any], Any], point: Any) -> Answer:
    import jax

    jax.config.update("jax_enable_x64", True)
    value, pullback = jax.vjp(function, point)
    (gradient,) = pullback(jax.numpy.asarray(weights_of(value)))
    return value, leaves(gradient)


def _by_torch(function: Callable[[Any], Any], point: Any) -> Answer:
    import torch

    torch.set_warn_always(True)
    inputs = [torch.tensor(np.asarray(x), requires_grad=True) for x in leaves(point)]
    value = function(rebuild(point, list(inputs)))
    value.backward(torch.as_tensor(weights_of(value.detach().numpy())))
    return value.detach().numpy(), [x.grad for x in inputs]


def by_torch(function: Callable[[Any], Any], point: Any) -> Answer:
    return _by_torch(function, point)


def by_torch_numpy(function: Callable[[Any], Any], point: Any) -> Answer:
    import torch

    torch._dynamo.reset()
    wrapped = torch.compiler.wrap_numpy(function)
    return _by_torch(torch.compile(wrapped, backend="eager"), point)


def by_casadi(function: Callable[[Any], Any], point: Any) -> Answer:
    import casadi

    symbols = [casadi.SX.sym("x", *np.shape(x)) for x in leaves(point)]
    return _by_casadi(function(rebuild(point, list(symbols))), symbols, point)


def by_casadi_objects(function: Callable[[Any], Any], point: Any) -> Answer:
    """Give a vector as a NumPy array of symbols, which Python can unpack."""
    import casadi

    symbols = [casadi.SX.sym("x", *np.shape(x)) for x in leaves(point)]
    arrays = []
    for symbol, x in zip(symbols, leaves(point), strict=True):
        array = np.empty(np.shape(x), dtype=object)
        for place in np.ndindex(np.shape(x)):
            array[place] = symbol[place] if place else symbol
        arrays.append(array if np.ndim(x) else symbol)
    return _by_casadi(function(rebuild(point, arrays)), symbols, point)


def _by_casadi(value: Any, symbols: Any, point: Any) -> Answer:
    import casadi

    value = casadi.SX(value)
    weights = casadi.DM(np.atleast_1d(weights_of(np.zeros(np.prod(value.shape, dtype=int)))))
    total = casadi.dot(weights, casadi.vec(value))
    outputs = [value, *(casadi.gradient(total, x) for x in symbols)]
    found = casadi.Function("g", symbols, outputs)(*leaves(point))
    numbers = [np.asarray(part, dtype=float) for part in found]
    return np.ravel(numbers[0], order="F"), numbers[1:]


def by_mygrad(function: Callable[[Any], Any], point: Any) -> Answer:
    import mygrad

    inputs = [mygrad.tensor(x, dtype=float) for x in leaves(point)]
    value = function(rebuild(point, list(inputs)))
    value.backward(weights_of(value.data))
    return value.data, [x.grad for x in inputs]


def _autograd_modules() -> tuple[Any, Any]:
    _autograd_parts()
    return importlib.import_module("autograd.numpy"), importlib.import_module("autograd.scipy")


def _jax_modules() -> tuple[Any, Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    for part in (
        "cluster", "fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal",
        "spatial.transform", "special", "stats",
    ):  # fmt: skip
        importlib.import_module(f"jax.scipy.{part}")
    return importlib.import_module("jax.numpy"), importlib.import_module("jax.scipy")


class Namespace:
    """A peer's module in the place of one of NumPy or SciPy, whose names it need not all have."""

    def __init__(self, theirs: Any, own: Any) -> None:
        self._theirs, self._own = theirs, own

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._own, name, None)
        theirs = getattr(self._theirs, name, own)
        if own is None and theirs is None:
            raise AttributeError(name)
        return Namespace(theirs, own) if isinstance(own, ModuleType) else theirs


class Rewritten:
    """The programs with a peer's `numpy` and `scipy` instead of NumPy and SciPy."""

    def __init__(self, modules: Callable[[], tuple[Any, Any]]) -> None:
        self._modules = modules
        self._found: dict[str, dict[str, Any]] = {}

    def function(self, program: Program) -> Any:
        """Return the function of a program whose module was executed with the peer's modules."""
        if program.field not in self._found:
            self._found[program.field] = self._execute(program.function.__globals__["__file__"])
        return self._found[program.field][program.function.__name__]

    def _execute(self, path: str) -> dict[str, Any]:
        peers = dict(zip(("numpy", "scipy"), self._modules(), strict=True))
        found: dict[str, Any] = {}

        def keep(function: Any) -> Any:
            found[function.__name__] = function
            return function

        def load(name: str, space: Any, local: Any, names: Any = (), level: int = 0) -> Any:
            if name.endswith("collect"):
                return SimpleNamespace(at=lambda *points: keep)
            own = builtins.__import__(name, space, local, names, level)
            top, _, rest = name.partition(".")
            if top not in peers:
                return own
            module = Namespace(peers[top], importlib.import_module(top))
            for part in rest.split(".") if rest and names else ():
                module = getattr(module, part)
            return module

        space = {
            "__name__": f"rewritten_{Path(path).stem}", "__file__": path,
            "__builtins__": {**vars(builtins), "__import__": load},
        }  # fmt: skip
        exec(compile(Path(path).read_text(encoding="utf-8"), path, "exec"), space)
        return found


SYSTEMS: dict[str, tuple[str, str, tuple[Callable[..., Answer], ...]]] = {
    "chainrule": ("chainrule", "chainrule `grad(f)`", (by_chainrule,)),
    "torch-numpy": (
        "torch", "PyTorch `torch.compile(torch.compiler.wrap_numpy(f))`", (by_torch_numpy,)
    ),
    "torch": ("torch", "PyTorch, eager tensors", (by_torch,)),
    "autograd": ("autograd", "autograd `grad(f)`", (by_autograd,)),
    "jax": ("jax", "JAX `jax.grad(f)`", (by_jax,)),
    "autograd-np": (
        "autograd", "autograd, `import autograd.numpy as np`, `autograd.scipy`", (by_autograd,)
    ),
    "jax-np": ("jax", "JAX, `import jax.numpy as np`, `jax.scipy`", (by_jax,)),
    "casadi": ("casadi", "CasADi `SX`", (by_casadi, by_casadi_objects)),
    "mygrad": ("mygrad", "MyGrad tensors", (by_mygrad,)),
}  # fmt: skip
REWRITTEN = {"autograd-np": Rewritten(_autograd_modules), "jax-np": Rewritten(_jax_modules)}


def outcome(system: str, program: Program, references: list[Any]) -> tuple[str, str]:
    """Return what `system` makes of a program, and its words: of several ways the best."""
    if system in REWRITTEN:
        try:
            program = replace(program, function=REWRITTEN[system].function(program))
        except Exception as refusal:
            return "loud", f"its module: {type(refusal).__name__}: {refusal}"[:300]
    tries = []
    for run in SYSTEMS[system][2]:
        tries.append(_outcome(run, program, references))
        if tries[-1][0] == "right":
            break
    return min(tries, key=lambda found: STATES.index(found[0]))


def _outcome(
    run: Callable[..., Answer], program: Program, references: list[Any]
) -> tuple[str, str]:
    worst = ("right", "")
    for point, (value, jacobian, error) in zip(program.points, references, strict=True):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    got_value, gradient = run(program.function, point)
                if any(part is None for part in gradient):
                    raise TypeError("no gradient (None)")
                bound = tolerance(point, jacobian, error)
                fault = compare(got_value, gradient, value, jacobian, bound)
            except (Exception, SystemExit) as refusal:
                if worst[0] == "right":
                    worst = ("loud", f"{type(refusal).__name__}: {refusal}"[:300])
                continue
        parts = (got_value, *gradient) if fault else ()
        if any(np.isnan(np.asarray(part, dtype=float)).any() for part in parts):
            return "loud", f"NaN: {fault}"
        if fault:
            spoken = [str(w.message) for w in said if issubclass(w.category, UserWarning)]
            return ("warned", f"{spoken[0]}; {fault}") if spoken else ("wrong", fault)
    return worst


def compare(value: Any, gradient: Any, want: Any, jacobian: Any, bound: Any) -> str:
    """Return what is wrong with a value and gradient; nothing where they are right.

    A single-precision constant in a peer's arithmetic may show in a value, below 1e-6.
    """
    weights = np.ravel(weights_of(want))
    flat = np.concatenate([np.ravel(np.asarray(part, dtype=float)) for part in gradient])
    expected = weights @ jacobian
    got_value = np.ravel(np.asarray(value, dtype=float))
    if got_value.size != want.size or not np.allclose(got_value, np.ravel(want), rtol=1e-6):
        return f"value {got_value}, not {want}"[:300]
    if flat.size != expected.size or not np.all(abs(flat - expected) <= weights @ bound):
        return f"gradient {flat}, not {expected}"[:300]
    return ""


def work(system: str, path: str) -> None:
    """Answer names on standard input with outcomes on the real standard output."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints
    with open(path, "rb") as file:
        references = pickle.load(file)
    found = programs()
    for line in sys.stdin:
        name = line.strip()
        status, words = outcome(system, found[name], references[name])
        answers.write(json.dumps([name, status, words]) + "\n")


class Worker:
    """A process that judges one system, started anew when it dies or is late."""

    def __init__(self, system: str, references: str) -> None:
        self.command = [sys.executable, __file__, "--worker", system, references]
        self.process: Any = None

    def ask(self, name: str, limit: float) -> tuple[str, str]:
        if self.process is None:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, cwd=ROOT, env={**os.environ, **THREADS},
            )  # fmt: skip
            limit += 60.0  # imports
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], limit)
        line = self.process.stdout.readline() if ready else ""
        if line:
            _, status, words = json.loads(line)
            return status, words
        died = self.process.poll() is not None or bool(ready)
        self.stop()
        return "late", "the process died" if died else "no answer in time"

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def differentiate_by_differences(names: list[str]) -> dict[str, Any]:
    from tests.everyday.judge import reference

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: reference(name) for name in names}


def measure(systems: list[str], chosen: dict[str, Program], limit: float) -> dict[str, Any]:
    """Return, for every system, the outcome and words of every program."""
    results: dict[str, Any] = {}
    with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
        pickle.dump(differentiate_by_differences(list(chosen)), file)
        file.flush()
        for system in systems:
            worker, start = Worker(system, file.name), time.perf_counter()
            results[system] = {name: worker.ask(name, limit) for name in chosen}
            worker.stop()
            counts = Counter(status for status, _ in results[system].values())
            print(f"{system}: {dict(counts)}, {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return results


def table(results: dict[str, Any], chosen: dict[str, Program]) -> str:
    """Return the table by system, and the one by field, as Markdown."""
    lines = [
        f"| of {len(chosen)} functions "
        "| right | refused | wrong, warned | wrong, silent | no answer |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for system, found in results.items():
        package, title, _ = SYSTEMS[system]
        counts = Counter(status for status, _ in found.values())
        cells = " | ".join(str(counts[state]) for state in STATES)
        lines.append(f"| {title} ({importlib.metadata.version(package)}) | {cells} |")
    lines += ["", "Right, by field:", "", f"| field | functions | {' | '.join(results)} |"]
    lines.append("|---|--:|" + "--:|" * len(results))
    for field in sorted({p.field for p in chosen.values()}):
        names = [p.name for p in chosen.values() if p.field == field]
        cells = [str(sum(found[n][0] == "right" for n in names)) for found in results.values()]
        lines.append(f"| {field} | {len(names)} | {' | '.join(cells)} |")
    for title, want in (("NumPy only", False), ("with SciPy", True)):
        names = [p.name for p in chosen.values() if p.uses_scipy is want]
        cells = [str(sum(found[n][0] == "right" for n in names)) for found in results.values()]
        lines.append(f"| *{title}* | {len(names)} | {' | '.join(cells)} |")
    return "\n".join(lines)


PAGE = """# Everyday programs, differentiated as they stand

{count} functions of {fields} fields, written as scientists write them (buffers filled in loops,
`math` and `float`, lists made into arrays, classes, `while` loops, SciPy's solvers), with plain
`import numpy as np`: `tests/everyday/programs`. {scipy} of them use SciPy. Each is given to each
system without any change, at two points, and its gradient is compared with
Richardson-extrapolated central differences of the plain function (relative 10⁻⁶).

autograd and JAX are meant to be used with namespaces of their own. So they are judged a second
time, with `import autograd.numpy as np` or `import jax.numpy as np` in the place of NumPy, and
`autograd.scipy` or `jax.scipy` in the place of SciPy, throughout the module; names that these lack
stay NumPy's and SciPy's. Nothing else is rewritten.

This page is written by `python benchmarks/everyday.py --write docs/everyday.md`; Python {python},
NumPy {numpy}, SciPy {scipy_version}.

{table}

*Right*: value and gradient agree at both points. *Refused*: an exception, or `None` or NaN in place
of a gradient. *Wrong, warned*: a wrong gradient and a warning (PyTorch warns where a tensor becomes
a number). *Wrong, silent*: a wrong value or gradient, and nothing is said. *No answer*: none within
{limit:.0f} s, or the process died. Choices made in the peers' favour: `autograd.scipy` is imported
beforehand, so that its rules are known; JAX runs in 64 bits; `torch.compile` runs with
`backend="eager"`, which traces as the default does and skips the C++ compilation; CasADi is given a
vector both as `SX` and as an array of `SX` symbols, and the better answer counts. None of the peers
claims to run unmodified NumPy code in full; most of these functions could be rewritten for each of
them. The functions were written for this project, and its authors saw which of them it refused
while they worked on it: the peers' authors did not.
"""


def page(results: dict[str, Any], chosen: dict[str, Program], limit: float) -> str:
    return PAGE.format(
        count=len(chosen), fields=len({p.field for p in chosen.values()}),
        scipy=sum(p.uses_scipy for p in chosen.values()), python=platform.python_version(),
        numpy=np.__version__, scipy_version=importlib.metadata.version("scipy"),
        table=table(results, chosen), limit=limit,
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument(
        "--only", nargs="+", default=[""], help="programs whose name holds one of these"
    )
    parser.add_argument("--limit", type=float, default=60.0, help="seconds per function")
    parser.add_argument("--json", metavar="PATH", help="write every outcome with its words")
    parser.add_argument("--write", metavar="PATH", help="write the page of the documentation")
    parser.add_argument("--known", metavar="PATH", help="a --json file: outcomes not measured anew")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(*options.worker)
        return 0
    chosen = {name: p for name, p in programs().items() if any(o in name for o in options.only)}
    systems = [s for s in options.systems if importlib.util.find_spec(SYSTEMS[s][0])]
    results = measure(systems, chosen, options.limit)
    if options.known:
        known = json.loads(Path(options.known).read_text(encoding="utf-8"))
        results = {
            s: known.get(s, {}) | results.get(s, {}) for s in SYSTEMS if s in {*known, *results}
        }
        chosen = {n: p for n, p in programs().items() if all(n in r for r in results.values())}
    print(table(results, chosen))
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))
    if options.write:
        Path(options.write).write_text(page(results, chosen, options.limit))
    return 0


if __name__ == "__main__":
    sys.exit(main())

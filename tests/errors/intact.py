"""What a derivative must leave as it was, and interrupts at every place that looks for signals."""

import builtins
import dis
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from chainrule.tracing import codes, compiled, holders, interpose, modules, names
from chainrule.tracing.running import running

HOMES = ("numpy", "scipy", "math", "cmath", "statistics", "builtins")


def _functions(value: Any) -> Iterator[FunctionType]:
    """The Python functions behind a name, with what they wrap."""
    value = getattr(value, "__func__", value)
    parts = (value.fget, value.fset) if isinstance(value, property) else (value,)
    for part in parts:
        while isinstance(part, FunctionType):
            yield part
            part = getattr(part, "_implementation", None) or getattr(part, "__wrapped__", None)


class _Looker:
    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.seen: set[int] = set()

    def names_in(self, where: str, space: Any) -> None:
        for name, value in list(space.items()):
            self.found[f"{where}.{name}"] = value
            self.value(f"{where}.{name}", value)

    def value(self, where: str, value: Any) -> None:
        for function in _functions(value):
            if id(function) in self.seen:
                break
            self.seen.add(id(function))
            self.found[f"{where}.__code__"] = function.__code__
            self.found[f"{where}.__defaults__"] = function.__defaults__
            for number, cell in enumerate(function.__closure__ or ()):
                try:
                    held = self.found[f"{where}.cell {number}"] = cell.cell_contents
                except ValueError:  # empty
                    continue
                self.value(f"{where}.cell {number}", held)
        if isinstance(value, type) and id(value) not in self.seen:
            self.seen.add(id(value))
            self.names_in(where, vars(value))


def snapshot(*programs: dict[str, Any]) -> dict[str, Any]:
    """Every attribute of the libraries' loaded modules and of some namespaces, and all code."""
    looker = _Looker()
    for name, module in sorted(sys.modules.items()):
        if type(module) is ModuleType and name.split(".")[0] in HOMES:
            looker.names_in(name, vars(module))
    for number, space in enumerate(programs):
        looker.names_in(f"program {number}", space)
    looker.found["errors"] = np.geterr()
    looker.found["import"] = builtins.__import__
    return looker.found


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of what is no longer the same object; floating-point settings are compared."""
    found = [k for k in {*before, *after} if before.get(k, 0) is not after.get(k, 0)]
    return [k for k in found if k != "errors" or before[k] != after[k]]


def left_open() -> list[str]:
    """What a derivative that has ended left in force."""
    parts = {
        "doors": interpose._open,
        "names": names._swapped,
        "holders": holders._held,
        "methods of classes": compiled._set,
        "code": codes._running,
        "classes of modules": modules._watched,
        "imports": names._imported,
        "traces": running.traces,
    }
    return [name for name, part in parts.items() if part]


# the interpreter looks for signals after these
_LOOKS = {dis.opmap[n] for n in ("CALL", "CALL_FUNCTION_EX", "JUMP_BACKWARD", "RESUME")
          if n in dis.opmap}  # fmt: skip


def _stop() -> None:
    raise KeyboardInterrupt


class Interrupt:
    """Interrupts at the `at`-th place where a signal could, in files that `where` accepts.

    `handler` is what a signal handler does there: by default it raises, as that of Ctrl-C does.
    """

    def __init__(self, at: int, where: Callable[[str], bool], handler: Any = None):
        self.at, self.where, self.handler = at, where, handler or _stop
        self.count = 0
        self.place = ""
        self.last: dict[Any, int] = {}

    def _called(self, frame: Any, event: str, arg: Any) -> Any:
        if not self.where(frame.f_code.co_filename):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._step

    def _step(self, frame: Any, event: str, arg: Any) -> Any:
        if event == "opcode":
            last = self.last.get(frame)
            self.last[frame] = frame.f_lasti
            if last is not None and frame.f_code.co_code[last] in _LOOKS:
                self.count += 1
                if self.count == self.at:
                    self.place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                    self.last.clear()
                    sys.settrace(None)
                    self.handler()
                    return None
        return self._step

    def during(self, run: Callable[[], Any]) -> Any:
        """Run; afterwards `count` says how many such places there were until the error."""
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            return run()
        finally:
            sys.settrace(before)
            self.last.clear()

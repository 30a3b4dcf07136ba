"""What a command is applied to: an expression, or a function in a file, and its inputs."""

import difflib
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import UsageError
from .expression import evaluate_constant, parse_expression

_FILE = re.compile(r"^(?P<file>.+\.py)(?::(?P<function>[^:]*))?$")
_NOT_PYTHON = re.compile(r"^[\w./\\-]*\.(?!py:)[^\W\d]\w*:\w+$")
_NAME = re.compile(r"^\s*(?P<name>[^\W\d]\w*)\s*=\s*(?P<value>.+?)\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """A function and the values that it is called with."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    names: tuple[str, ...]
    label: str


def find_target(text: str, at: list[str], input_file: str | None) -> Target:
    """Read ``EXPR`` or ``FILE.py:function``, and bring its inputs together.

    An input comes from the first of: ``--at``; the module named by ``--input``; a module-level
    ``inputs`` in the function's own file (a dict by parameter name, a tuple in order, or a function
    that returns one of them); the parameter's default.
    """
    given = parse_values(at)
    match = _FILE.match(text.strip())
    if match is None:
        if _NOT_PYTHON.match(text.strip()):
            raise UsageError(
                f"{text.strip()!r} is not a Python file",
                cure="write FILE.py:function; a notebook can be saved as a .py file",
            )
        if input_file is not None:
            given = _inputs_of(load_module(input_file), None, variables=True) | given
        function = parse_expression(text, given)
        given = {n: np.float64(v) if v.__class__ is float else v for n, v in given.items()}
        return _bind(function, given, {}, text.strip(), text)
    module = load_module(match["file"])
    function = _function(module, match["function"] or "", match["file"])
    offered = _inputs_of(module, function)
    if input_file is not None:
        offered |= _inputs_of(load_module(input_file), function, variables=True)
    return _bind(function, given, offered, text.strip(), text)


def parse_values(items: list[str]) -> dict[str, Any]:
    """Read ``x=0.5,y=[1,2]``: numbers and bracketed arrays by name.

    Errors
    ------
    UsageError for a piece that is not ``name=value``; ExpressionError for a malformed value.
    """
    values: dict[str, Any] = {}
    for item in items:
        for piece in _split(item):
            match = _NAME.match(piece)
            if match is None:
                raise UsageError(
                    f"--at does not understand {piece.strip()!r}",
                    cure="write --at name=value, such as --at x=0.5 or --at x=0.5,y=[1,2]",
                )
            if match["name"] in values:
                raise UsageError(f"--at gives {match['name']!r} twice")
            values[match["name"]] = evaluate_constant(match["value"])
    return values


def _split(text: str) -> list[str]:
    """Split at the commas that stand outside brackets."""
    pieces, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            pieces.append(text[start:i])
            start = i + 1
    pieces.append(text[start:])
    return [piece for piece in pieces if piece.strip()]


def load_module(path: str) -> ModuleType:
    """Run a Python file and return its module. The file may import its neighbours."""
    if not os.path.isfile(path):
        raise UsageError(f"there is no file {path!r}", cure=_near_file(path))
    folder, name = os.path.split(os.path.abspath(path))
    stem = os.path.splitext(name)[0]
    spec = importlib.util.spec_from_file_location(stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path!r} cannot be read as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, folder)
    shadowed = sys.modules.get(stem)
    sys.modules[stem] = module  # dataclasses and pickles look their module up there
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UsageError(
            f"{path}:{error.lineno} is not valid Python: {error.msg}",
            where=(error.text or "").strip(),
        ) from error
    except (Exception, SystemExit) as error:
        raise _failed_import(path, error) from error
    finally:
        sys.path.remove(folder)
        if shadowed is not None:
            sys.modules[stem] = shadowed
    return module


def _failed_import(path: str, error: BaseException) -> UsageError:
    line = ""
    trace = error.__traceback__
    while trace is not None:
        if os.path.abspath(trace.tb_frame.f_code.co_filename) == os.path.abspath(path):
            line = f":{trace.tb_lineno}"
        trace = trace.tb_next
    return UsageError(
        f"running {path} failed: {type(error).__name__}: {error}",
        where=f"{path}{line}",
        why="the file is run to find the function in it",
        cure="keep work that a script does under: if __name__ == '__main__':",
    )


def _near_file(path: str) -> str:
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return f"there is no folder {folder!r} either; the current one is {os.getcwd()}"
    files = sorted(n for n in os.listdir(folder) if n.endswith(".py"))
    stems = [os.path.splitext(n)[0] for n in files]
    near = difflib.get_close_matches(os.path.splitext(os.path.basename(path))[0], stems, n=3)
    if not files:
        return f"no Python file is in {folder!r}"
    shown = [stem + ".py" for stem in near] or files[:5]
    words = "near it: " if near else "Python files there: "
    return words + ", ".join(os.path.join(os.path.dirname(path), n) for n in shown)


def _function(module: ModuleType, name: str, path: str) -> Callable[..., Any]:
    if not name:
        raise UsageError(
            f"{path} names no function",
            why="the form is FILE.py:function",
            cure=_near_function(module, "", path),
        )
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise UsageError(
            f"there is no function {name!r} in {path}", cure=_near_function(module, name, path)
        )
    if not callable(found):
        raise UsageError(
            f"{name!r} in {path} is a {type(found).__name__}, not a function",
            cure=_near_function(module, name, path),
        )
    return found  # type: ignore[no-any-return]


def _near_function(module: ModuleType, name: str, path: str) -> str:
    own = [
        n for n, v in vars(module).items()
        if inspect.isfunction(v) and v.__module__ == module.__name__ and not n.startswith("_")
    ]  # fmt: skip
    near = difflib.get_close_matches(name, own, n=3, cutoff=0.5) or own[:8]
    if not near:
        return f"{path} defines no function"
    return "write " + " or ".join(f"{path}:{n}" for n in near)


def _inputs_of(
    module: ModuleType, function: Callable[..., Any] | None, *, variables: bool = False
) -> dict[str, Any]:
    """Return the inputs that a module offers, by parameter name.

    A module given by ``--input`` that has no `inputs` offers its `variables` instead.
    """
    inputs = getattr(module, "inputs", None)
    if callable(inputs):
        inputs = inputs()
    if inputs is None:
        return {n: v for n, v in vars(module).items() if variables and not n.startswith("_")}
    if isinstance(inputs, dict):
        return {str(name): value for name, value in inputs.items()}
    if isinstance(inputs, tuple | list) and function is not None:
        return dict(zip(_parameters(function), inputs, strict=False))
    raise UsageError(
        f"'inputs' in {module.__file__} is a {type(inputs).__name__}",
        cure="make it a dict, inputs = {'x': 0.5}, a tuple in the order of the parameters, or a "
        "function that returns one of them",
    )


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        raise UsageError(
            "the function does not tell its parameters",
            cure="wrap it: def f(x): return original(x)",
        ) from None


def _bind(
    function: Callable[..., Any], given: dict[str, Any], offered: dict[str, Any], label: str,
    text: str,
) -> Target:  # fmt: skip
    parameters = _parameters(function)
    values, missing = dict[str, Any](), []
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name in given:
            values[name] = given[name]
        elif name in offered:
            values[name] = offered[name]
        elif parameter.default is parameter.empty:
            missing.append(name)
        else:
            values[name] = parameter.default
    unknown = [name for name in given if name not in parameters]
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise _unknown_name(unknown[0], label, list(parameters))
    if missing:
        raise _missing_name(missing, text, given)
    keywords = {n: values[n] for n, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
    ordered = [n for n in values if n not in keywords]
    if keywords:
        function = _with_keywords(function, keywords)
    return Target(function, tuple(values[n] for n in ordered), tuple(ordered), label)


def _with_keywords(function: Callable[..., Any], keywords: dict[str, Any]) -> Callable[..., Any]:
    def f(*args: Any) -> Any:
        return function(*args, **keywords)

    f.__name__ = f.__qualname__ = getattr(function, "__name__", "f")
    f.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [p for n, p in _parameters(function).items() if n not in keywords]
    )
    f.__doc__ = function.__doc__
    return f


def _unknown_name(name: str, label: str, parameters: list[str]) -> UsageError:
    near = difflib.get_close_matches(name, parameters, n=1, cutoff=0.5)
    cure = f"did you mean {near[0]}?" if near else (
        f"its variables are {', '.join(parameters)}" if parameters else "it has no variables"
    )
    return UsageError(f"--at gives {name!r}, which {label} does not have", cure=cure)


def _missing_name(missing: list[str], text: str, given: dict[str, Any]) -> UsageError:
    quoted = f'"{text}"' if _FILE.match(text.strip()) is None else text
    old = [f"{n}={_short(v)}" for n, v in given.items()]
    assignments = ",".join(old + [f"{n}=0.5" for n in missing])
    words = "variable" if len(missing) == 1 else "variables"
    also = ""
    if _FILE.match(text.strip()) is not None:
        also = f"; where it is no number or array, put inputs = {{{missing[0]!r}: …}} in the file"
    return UsageError(
        f"no value is given for the {words} {', '.join(missing)}",
        cure=f"write {quoted} --at {assignments}{also}",
    )


def _short(value: Any) -> str:
    return str(value.tolist() if hasattr(value, "tolist") else value).replace(" ", "")



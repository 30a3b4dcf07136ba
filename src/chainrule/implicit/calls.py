"""How the records of solvers read a call: by the signature that SciPy's function has."""

import functools
import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from ..core.registry import composite
from ..tracing.running import running, tell
from ..tracing.watching import watching
from .answers import run, signatures, vector

Function = Callable[..., Any]


def solver(function: Function, name: str = "") -> Callable[[Function], Function]:
    """Decorate a body that answers every call of `function` that a traced program makes.

    The signature is taken now: while a trace runs, the function carries other code.
    """
    with suppress(ValueError):  # a compiled function tells none
        signatures[function] = inspect.signature(function)
    data = {"name": name} if name else {}

    def decorate(body: Function) -> Function:
        @functools.wraps(body)
        def announced(*args: Any, **kwargs: Any) -> Any:
            if running.inside is not None:  # in the callback of another: its answer is one of those
                found = run(function, *args, **kwargs)
                return running.inside.mark(found) if running.inside.touched else found
            tell("solver", name or function.__name__)
            before, running.session, running.again = (running.session, running.again), [], None
            try:
                if running.watch is None:
                    return body(*args, **kwargs)
                with watching(None):  # its iterations decide much that the program does not
                    return body(*args, **kwargs)
            finally:
                for state in running.session or ():
                    state.undo()
                running.session, running.again = before
                running.constant = False
                tell("solved")

        composite(function, always=True, **data)(announced)
        return announced

    return decorate


def arguments(function: Function, args: Any, kwargs: Any) -> dict[str, Any]:
    """Return the arguments of a call by name, with the defaults of SciPy's function."""
    bound = signatures[function].bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def residual_of(function: Function, args: Any, like: Any) -> Function:
    """Return z ↦ function(z, *args), an array of the shape of `like`."""
    args = args if isinstance(args, tuple) else (args,)
    shape = np.shape(like)

    def residual(z: Any) -> Any:
        value = vector(function(z, *args))
        return value if value.shape == shape else np.reshape(value, shape)

    return residual

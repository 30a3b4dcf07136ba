"""`checked`: every derivative is compared with plain runs while it is in force."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import tree
from ..errors import UncheckedWarning
from ..lift import name_of
from ..modes.batch import Batch
from ..modes.forward import Forward
from ..tracing.recording import Recording
from ..tracing.running import running
from ..tracing.source import user_frame
from ..tracing.stacked import every
from ..tracing.tracer import TRACERS, concrete
from .compare import Disagreement, Point, compare, differ, numbers_of


@contextmanager
def checked() -> Iterator[None]:
    """Compare every derivative that is taken inside with plain runs of the same function.

    The function is run as it stands on plain numbers: its value must be that of the traced run, and
    its derivative along one direction (a random one; in forward mode the tangent that was given)
    must be that of extrapolated central differences. Nested derivatives are compared level by
    level. The environment variable ``CHAINRULE_CHECKED=1`` puts it in force for a whole process.

    It is a belt besides the braces: a check costs some thirty plain runs. What the program does
    beside its value (prints, files, counters) it does in each of them. Random numbers drawn from
    the global generators are drawn anew from the same state; a function that draws from generators
    of its own cannot be compared.

    Raises
    ------
    CheckError : value or derivative disagree beyond the noise of the differences; with both
        numbers, and the first line and variable at which traced and plain run part.

    Warns
    -----
    UncheckedWarning : nothing could be compared, and why (a value that is not finite, a jump, a
        slope that rounding of the values hides, a function that is not one of its arguments alone).

    At kinks a central difference gives the middle of both slopes, as the table of
    ``docs/policy/kinks.md`` mostly does.

    References: C. J. F. Ridders, Advances in Engineering Software 4 (1982) 75–76.

    >>> import numpy as np, chainrule
    >>> with chainrule.checked():
    ...     float(chainrule.grad(lambda x: np.sum(x**2))(np.array([3.0]))[0])
    6.0
    """
    before, running.check = running.check, check_run
    try:
        yield
    finally:
        running.check = before


def check_run(
    trace: Any, function: Any, args: Any, kwargs: Any, run: Callable[[], Any]
) -> Any:
    """Run a traced call, and compare it with plain runs where no derivative stands around it."""
    if running.traces:
        return run()
    if type(trace) is Batch:
        return _check_batch(trace, function, args, kwargs, run)
    if type(trace) is not Forward and not isinstance(trace, Recording):
        return run()
    point = Point(function, args, kwargs, trace)
    out = run()
    if any(note.owner in (trace, None) for note in running.notes):
        found: Any = "its derivative is a limit here"
    else:
        found = compare(point, out, np.random.default_rng(0))
    _judge(found, function)
    return out


def _judge(found: Any, function: Any) -> None:
    if isinstance(found, Disagreement):
        raise found.error(name_of(function))
    if found is not None:
        warnings.warn(
            f"{name_of(function)} was not checked: {found}", UncheckedWarning, stacklevel=level()
        )


def level() -> int:
    """Return the stack level of the user's line, for a warning raised by the caller."""
    frame: Any = sys._getframe(1)
    level, wanted = 1, user_frame(1)
    while frame is not None and frame is not wanted:
        frame, level = frame.f_back, level + 1
    return level


def _check_batch(
    trace: Any, function: Any, args: Any, kwargs: Any, run: Callable[[], Any]
) -> Any:
    """Compare the first and the last example of a batch with the function of one example.

    Derivatives that the function takes are compared in those runs.
    """
    examples = {k: example(trace, args, kwargs, k) for k in (0, trace.size - 1) if trace.size}
    out = run()
    for k, (positional, named) in examples.items():
        with np.errstate(all="ignore"):
            plain = numbers_of(function(*positional, **named))
        found = numbers_of(tree.map_leaves(lambda y, k=k: _row(trace, y, k), out))
        worst = differ(plain, found, any(y.dtype.char in "fFe" for y in plain))
        if worst is not None:
            raise Disagreement(f"the value for example {k}", *worst, None).error(name_of(function))
    return out


def example(trace: Any, args: Any, kwargs: Any, k: int) -> Any:
    """Return the arguments of one example of a batch."""
    leaves, treedef = tree.flatten((tuple(args), dict(kwargs)))
    return tree.unflatten(treedef, [_row(trace, x, k) for x in leaves])


def _row(trace: Any, x: Any, k: int) -> Any:
    if type(x) not in TRACERS:
        return x
    if x.cr_owner is trace:
        return np.array(every(x.cr_value)[k])[()]
    return np.array(concrete(x))[()] if np.ndim(concrete(x)) == 0 else np.array(concrete(x))


def everywhere() -> None:
    """Put `checked` in force for every thread from now on (CHAINRULE_CHECKED=1)."""
    type(running).everywhere = running.check = check_run

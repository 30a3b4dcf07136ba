"""Every error of the library: what happened, where in the user's code, why, and the cure.

Each class is also the built-in exception that a NumPy user would catch.
"""

import textwrap
import threading
from collections.abc import Callable


class _Made(threading.local):
    """How many errors of the library were made on this thread: the program may catch them.

    `places` counts those that name another line than the one before.
    """

    count = places = 0
    where = ""


made = _Made()
made_anywhere = [0]  # the same, on all threads: a thread's error may end with the thread


finders: list[Callable[[], str]] = []
"""Who knows where the user's program stands, for an error that is raised without saying so."""
speakers: list[Callable[[str], str]] = []
"""Who knows the user's names, for a cure that has places for them."""


class ChainRuleError(Exception):
    """Base of all errors of this library.

    The message has up to four parts, each on its own line: what happened, where (file, line,
    source text and variable of the user's code), why, and what to write instead.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", cure: str = "") -> None:
        if not where and finders:
            where = finders[0]()
        if speakers:
            cure = speakers[0](cure)
        made.count += 1
        made_anywhere[0] += 1
        made.places += where != made.where
        made.where = where
        self.what, self.where, self.why, self.cure = what, where, why, cure
        super().__init__(paragraph(what, where, why, cure))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.where, self.why, self.cure))


def paragraph(what: str, where: str, why: str, cure: str) -> str:
    """Return the text of an error, or of anything else that has these four parts."""
    parts = [what]
    if where:
        parts.append(f"  where: {where}")
    if why:
        parts.append(_wrapped("why", why))
    if cure:
        parts.append(_wrapped("cure", cure))
    return "\n".join(parts)


def _wrapped(label: str, words: str) -> str:
    head = f"  {label}: ".ljust(9)
    return "\n".join(
        textwrap.wrap(
            words, 100, initial_indent=head, subsequent_indent=" " * 9,
            break_long_words=False, break_on_hyphens=False, drop_whitespace=True,
        )
    )  # fmt: skip


def _rebuild(cls: type[ChainRuleError], what: str, where: str, why: str, cure: str) -> object:
    return cls(what, where=where, why=why, cure=cure)


class NonScalarOutputError(ChainRuleError, TypeError):
    """`grad` was asked for the gradient of a function whose output is not one real number."""


class InputTypeError(ChainRuleError, TypeError):
    """An input cannot be differentiated: an integer, boolean, string or object."""


class OutputTypeError(ChainRuleError, TypeError):
    """The function returned something that is not an array or number (None, a string, …)."""


class ArgnumsError(ChainRuleError, ValueError):
    """`argnums` does not name arguments of the call."""


class MatrixSizeError(ChainRuleError, MemoryError):
    """A Jacobian or Hessian was asked for that the machine cannot hold."""


class SparsityError(ChainRuleError, ValueError):
    """A pattern of a sparse derivative lacks entries that differ from 0."""


class StructureError(ChainRuleError, ValueError):
    """A tangent or cotangent does not match its primal in structure, shape or dtype."""


class NonFiniteError(ChainRuleError, ValueError):
    """The result is NaN because an input held NaN already."""


class LostDerivativeError(ChainRuleError, TypeError):
    """A traced value was about to become a plain number, and its derivative would be lost."""


class UnsupportedFunctionError(ChainRuleError, TypeError):
    """A NumPy or SciPy function that has no rule received a traced value."""


def singular(name: str, error: Exception) -> UnsupportedFunctionError:
    """Build the error of a rule that meets a singular matrix where the function itself does not.

    It is no LinAlgError: that is one the program may catch, as an answer of NumPy's.
    """
    return UnsupportedFunctionError(
        f"the derivative of {name} could not be computed here: {error}",
        why="its rule solves a system that is singular at this point: the function has no "
        "derivative here, or one that this rule does not reach",
        cure="move the point a little off, and see whether the derivative grows without bound",
    )


class LeakedTracerError(ChainRuleError, RuntimeError):
    """A traced value outlived the call that traced it."""


class ReadOnlyError(ChainRuleError, ValueError):
    """A store into an array that NumPy does not let be written."""


class BatchError(ChainRuleError, ValueError):
    """A function cannot be run on a whole batch at once, or its batch is malformed."""


class CustomRuleError(ChainRuleError, ValueError):
    """A custom rule is malformed, not linear, or wrong."""


class CustomRuleWarning(RuntimeWarning):
    """A rule with ``check=False`` hides a value: its derivatives of second order lack it."""


class RuleError(ChainRuleError, TypeError):
    """A declaration of an operation is at fault (a Jvp that branches, or is not linear)."""


class CheckError(ChainRuleError, AssertionError):
    """A derivative differs from its numerical check."""


class ExpressionError(ChainRuleError, ValueError):
    """An expression on the command line is malformed or uses a name that is not allowed."""


class UsageError(ChainRuleError, ValueError):
    """An option, or on the command line a file, function or variable, is not there."""


class ImplicitError(ChainRuleError, RuntimeError):
    """A solver's answer cannot be differentiated: it is none, or not an isolated regular one."""


class UncheckedWarning(UserWarning):
    """Under `checked`, a derivative could not be compared with plain runs; the text says why."""


class EagerWarning(UserWarning):
    """A function under `jit` goes on as it is, without recordings; the text says why."""


class KinkWarning(RuntimeWarning):
    """A derivative does not exist at this point: a kink is there, of a derivative at least.

    Of first order, it is a point that the program treats by itself (``if x == 1: …``).
    """


class IndeterminateWarning(RuntimeWarning):
    """The chain rule met 0·∞: the derivative is a limit, whose accuracy the text tells, or NaN."""


class ImplicitWarning(RuntimeWarning):
    """The derivative of a solver's answer is to be taken with care; the text has the numbers."""

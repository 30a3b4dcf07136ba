"""What one argument of an operation may declare about its derivative.

A *slot* is one argument of one operation. Its declaration is the only derivative information
that exists: every mode, and every printed derivation, is read off it.

A rule is a plain NumPy function. Which values it reads is read off its own signature: a
parameter whose name begins with an underscore is not read, and the engine then need not keep
that value alive between the forward and the backward pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Rule = Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """An elementwise partial derivative: its Jacobian is diagonal.

    ``rule(y, *xs, **params)`` is a NumPy expression of the output and the inputs; a plain number
    declares a constant partial. With `selects` the op chooses between its arguments: where the
    partial is 0 this one has no say, whatever infinity or NaN it holds.

    With `over` the partial is the quotient ``rule / over``, and what arrives is divided before it
    is multiplied. Of a tiny u the 1/u² of a derivative of 1/u is no number; (u′/u)/u is one. Where
    `over` returns None nothing is divided.
    """

    rule: Rule | float
    selects: bool = False
    over: Rule | None = None

    @property
    def constant(self) -> bool:
        """Say whether the partial is a plain number."""
        return self.over is None and not callable(self.rule)

    def parts(self, y: Any, *xs: Any, **params: Any) -> tuple[Any, Any]:
        """Return the two sides of the quotient; the lower one is None where there is none."""
        rule: Any = self.rule
        over = None if self.over is None else self.over(y, *xs, **params)
        return rule(y, *xs, **params) if callable(rule) else rule, over

    def whole(self, y: Any, *xs: Any, **params: Any) -> Any:
        """Return the partial itself."""
        times, over = self.parts(y, *xs, **params)
        return times if over is None else np.divide(times, over)


def times(t: Any, factor: Any, over: Any) -> Any:
    """Multiply what arrives with a partial that is given by its two sides."""
    if over is None:
        return t * factor
    return t / over if factor.__class__ is float and factor == 1 else t / over * factor


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """The operation is linear in this argument: its Jacobian is the operation itself.

    Exactly one of the three is given:

    ``equation(*shapes, **params)`` returns the index equation, such as ``"ij,jk->ik"``, from which
    the engine reads the transpose by swapping the sides.

    ``transpose(ct, *xs, **params)`` maps the cotangent of the output to that of this argument. At
    the argument's own place in ``xs`` stands its shape and dtype only, never its value.

    ``joint(ct, *xs, **params)`` does so for all (variadic) arguments at once and returns a tuple.

    Beside a transpose that fills only a part of an array, ``into(buffer, ct, *xs, **params)`` may
    say how to add that part into a plain buffer in place, so that reading an array element by
    element costs no array each. In the same way ``over(ct, *xs, **params)`` turns the cotangent of
    the output into that of this argument in its own memory, for a transpose that clears a part.

    ``links(*xs, **params)`` may name the entries of the operation's matrix, elements of the output
    and of this argument, where these are known. Else patterns are found by asking the operation.
    """

    equation: Rule | None = None
    transpose: Rule | None = None
    joint: Rule | None = None
    into: Rule | None = None
    over: Rule | None = None
    links: Rule | None = None
    narrow: Rule | None = None

    def __post_init__(self) -> None:
        given = [r for r in (self.equation, self.transpose, self.joint) if r is not None]
        if len(given) != 1:
            raise TypeError("Linear takes exactly one of: equation, transpose, joint")


@dataclass(frozen=True, slots=True, eq=False)
class Jvp:
    """A formula, linear in the tangent, written in other operations.

    ``rule(t, y, *xs, **params)`` returns the tangent of the output. With ``joint=True`` the same
    record stands in several slots that share work, and ``t`` is the tuple of their tangents, with
    None where nothing flows. The formula must not branch on values: its transpose is derived from
    a recording that is reused for every call with the same shapes.

    ``shortcut(ct, y, *xs, **params)`` is a quicker way to the cotangent of this argument; where it
    is none it returns NotImplemented. A law holds it equal to the derived transpose, and what is
    printed is the derived one.

    ``narrow(*supports)`` is asked where the transpose gave a NaN. Of each output it is told where
    its cotangent may be other than 0 (None: nowhere), and returns None, or parameters with which
    the rule computes the tangents of a part of the outputs, beside the index of that part in each.
    ``cause(supports, y, *xs, **params)`` may say in words why a NaN is left.
    """

    rule: Rule
    joint: bool = False
    shortcut: Rule | None = None
    narrow: Rule | None = None
    cause: Rule | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Vjp:
    """A user's rule given from the reverse end: ``rule(ct, y, *xs, **params)``.

    Returns the tuple of cotangents of all inputs. The JVP is its transpose: J = (Jᵀ)ᵀ.
    """

    rule: Rule


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Nothing flows: an index, a condition, or an argument the output is locally constant in."""


Slot = Partial | Linear | Jvp | Vjp | Index
INDEX = Index()


@dataclass(frozen=True, slots=True)
class Reads:
    """Which values a rule reads: the output, and each input by position (`rest` for *args)."""

    output: bool
    inputs: tuple[bool, ...]
    rest: bool

    def input(self, position: int) -> bool:
        """Say whether the value of the input at `position` is read."""
        return self.inputs[position] if position < len(self.inputs) else self.rest


def reads(rule: Any, before: int, has_output: bool = True) -> Reads:
    """Read off a rule's signature what it reads; `before` counts its leading tangents."""
    code = getattr(rule, "__code__", None)
    if code is None:  # a number, or a callable without Python code
        needs = callable(rule)
        return Reads(needs, (), needs)
    names = code.co_varnames[before : code.co_argcount]
    wanted = tuple(not name.startswith("_") for name in names)
    rest = bool(code.co_flags & 0x04)
    if rest:
        star = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
        rest = not star.startswith("_")
    if not has_output:
        return Reads(False, wanted, rest)
    return Reads(wanted[0] if wanted else rest, wanted[1:], rest)


def reads_of(slot: Slot) -> Reads:
    """Which values the pull of this slot reads; its own value is not counted for `Linear`."""
    if isinstance(slot, Partial):
        own = reads(slot.rule, 0)
        return own if slot.over is None else _either(own, reads(slot.over, 0))
    if isinstance(slot, Jvp) and slot.shortcut is not None:
        return _either(reads(slot.rule, 1), reads(slot.shortcut, 1))
    if isinstance(slot, Jvp | Vjp):
        return reads(slot.rule, 1)
    if isinstance(slot, Linear):
        if slot.equation is not None:
            return Reads(False, (), True)
        return reads(slot.transpose or slot.joint, 1, has_output=False)
    return Reads(False, (), False)


def _either(a: Reads, b: Reads) -> Reads:
    count = max(len(a.inputs), len(b.inputs))
    inputs = tuple(a.input(k) or b.input(k) for k in range(count))
    return Reads(a.output or b.output, inputs, a.rest or b.rest)

"""The record of an operation: its value, its slots, and everything that is said of it, as data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .slots import Index, Linear, Slot, reads_of


@dataclass(frozen=True, slots=True)
class Notation:
    """How the operation is written.

    `text` and `latex` are templates over the operands ``{0}``, ``{1}``, … (and over the params by
    name); `level` is the binding strength of the result, `operands` the least strength each
    operand may have before it needs parentheses. `rule` is the local derivative in words.
    """

    text: str = ""
    latex: str = ""
    level: int = 100
    operands: tuple[int, ...] = ()
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One call of the public function, for the laws.

    Each argument is a shape (drawn from the op's domain), a callable of a random generator, or,
    wrapped in `Const`, a value.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Const:
    """A sample argument that is passed on as it is."""

    value: Any


def sample(*args: Any, **kwargs: Any) -> Sample:
    """Write a `Sample` as the call it stands for."""
    return Sample(args, kwargs)


Interval = tuple[float, float]
REAL: Interval = (-3.0, 3.0)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a node must keep for the backward pass, given which of its inputs are traced."""

    flows: bool
    output: bool
    inputs: tuple[bool, ...]
    trims: bool  # some traced input is not read


class AnotherFunction(Exception):  # noqa: N818  no error: it hands a call over
    """Raised by a `bind` whose call, with arguments left out, is that of another function."""

    def __init__(self, function: Any, *args: Any) -> None:
        super().__init__(function, *args)
        self.function, self.arguments = function, args


class Op:
    """One operation, declared once.

    Parameters
    ----------
    name : the name it is printed under.
    value : the function that computes it: ``value(*inputs, **params)``.
    slots : one declaration per input; the last one repeats when `variadic`.
    additive : the op is linear in all its `Linear` slots together (concatenate, where), rather
        than in each of them with the others held fixed (matmul).
    outputs : 0 when the value is one array, else how many arrays the returned tuple has.
    bind : turns the public function's call into ``(inputs, params)``; None where they agree. It
        may raise `AnotherFunction`.
    view : its value may share memory with its first input, and the transpose of its slot writes
        a changed view back ("bijective"), or it is indexing ("getitem"), or it only picks elements
        ("gather"), or it cannot be written ("readonly"), or is not written back ("shared").
    closed : its rules read nothing but their arguments, so that a recorded formula can be reused.
    batch : how the op is computed for a whole batch at once; see `modes.batch`.
    store : as `value`, but written into the first input, which nobody else holds then.
    jump : for a value with steps: ``jump(output, *xs, **params)`` says whether it stands at one.
    notation, domain, kinks, mp, samples, references : what printers, laws and docs read.
    """

    __slots__ = (
        "name", "value", "slots", "variadic", "additive", "outputs", "bind", "view", "function",
        "notation", "domain", "kinks", "mp", "samples", "references", "complex", "closed", "batch",
        "store", "jump", "indexed", "cache", "known_needs", "__weakref__",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        value: Callable[..., Any],
        slots: tuple[Slot, ...],
        *,
        variadic: bool = False,
        additive: bool = False,
        outputs: int = 0,
        bind: Callable[..., tuple[tuple[Any, ...], dict[str, Any]]] | None = None,
        view: str = "",
        function: Any = None,
        notation: Notation | None = None,
        domain: tuple[Interval, ...] = (),
        kinks: tuple[float, ...] = (),
        mp: str = "",
        samples: tuple[Sample, ...] = (),
        references: tuple[str, ...] = (),
        complex: bool = False,
        closed: bool = True,
        batch: Any = None,
        store: Callable[..., None] | None = None,
        jump: Callable[..., bool] | None = None,
    ) -> None:
        self.name, self.value, self.slots = name, value, slots
        self.variadic, self.additive, self.outputs = variadic, additive, outputs
        self.bind, self.view, self.function = bind, view, function
        self.notation, self.domain, self.kinks, self.mp = notation, domain, kinks, mp
        self.samples, self.references, self.complex = samples, references, complex
        self.closed, self.batch, self.store, self.jump = closed, batch, store, jump
        self.indexed = any(isinstance(s, Index) for s in self.slots)
        self.cache: dict[Any, Any] = {}
        self.known_needs: dict[Any, Needs] = {}

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *args: Any, **params: Any) -> Any:
        """Apply the op; anything that answers NumPy's dispatch protocol takes the call over."""
        return dispatch(self, self.value, args, params)

    def slot(self, position: int) -> Slot:
        """Return the declaration of the input at `position`."""
        return self.slots[position if position < len(self.slots) else -1]

    def flows(self, position: int) -> bool:
        """Say whether a derivative flows through the input at `position`."""
        return not isinstance(self.slot(position), Index)

    def needs(self, mask: int, arity: int) -> Needs:
        """Return what the backward pass reads when the inputs in the bit set `mask` are traced."""
        key = (mask, arity) if self.variadic else mask
        found = self.known_needs.get(key)
        if found is None:
            found = self.known_needs[key] = self._compute_needs(mask, arity)
        return found

    def _compute_needs(self, mask: int, arity: int) -> Needs:
        traced = [bit == "1" for bit in reversed(f"{mask:0{arity}b}")]
        places: dict[Slot, list[int]] = {}
        for k in range(arity):
            if traced[k] and self.flows(k):
                places.setdefault(self.slot(k), []).append(k)
        output = False
        inputs = [False] * arity
        for slot, own in places.items():
            read = reads_of(slot)
            output = output or read.output
            alone = own[0] if isinstance(slot, Linear) and len(own) == 1 else -1
            if isinstance(slot, Linear) and slot.joint is not None:
                continue
            for j in range(arity):  # a linear rule reads the others' values, not that at its place
                inputs[j] |= read.input(j) and j != alone
        trims = any(t and not needed for t, needed in zip(traced, inputs, strict=True))
        return Needs(bool(places), output, tuple(inputs), trims)


def rule_params(params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of an operation as its rules pass them on.

    That the program's values are finite SciPy has checked; a derivative may be NaN or infinite.
    """
    return params | {"check_finite": False} if params.get("check_finite") else params


class Composite:
    """An operation that is only a body, in plain NumPy: it has no rule and needs none.

    With `always` the body answers every call of a traced program, also where no argument is traced:
    what a function receives (a callable, say) may hold traced values that nobody sees. With
    "anywhere" it answers those calls, too, that a library makes meanwhile; with "held" those of
    them where a derivative flows through what the object holds whose method it is.
    """

    __slots__ = ("name", "body", "function", "samples", "domain", "references", "always")

    def __init__(
        self,
        name: str,
        body: Callable[..., Any],
        function: Any,
        samples: tuple[Sample, ...] = (),
        domain: tuple[Interval, ...] = (),
        references: tuple[str, ...] = (),
        always: bool | str = False,
    ) -> None:
        self.name, self.body, self.function = name, body, function
        self.samples, self.domain, self.references = samples, domain, references
        self.always = always

    def __repr__(self) -> str:
        return f"<composite {self.name}>"


def dispatch(func: Any, value: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> Any:
    """Call `value`, unless an argument overrides it by NEP 18, as NumPy's own functions do."""
    for a in args:
        override = getattr(type(a), "__array_function__", None)
        if override is not None and override is not _PLAIN:
            result = override(a, func, (type(a),), args, kwargs)
            if result is not NotImplemented:
                return result
    return value(*args, **kwargs)


def _plain_override() -> Any:
    import numpy

    return numpy.ndarray.__array_function__


_PLAIN = _plain_override()


class Function:
    """A NumPy-like function of our own: it dispatches as NumPy's functions do."""

    def __init__(self, value: Callable[..., Any]) -> None:
        self.value, self.__name__, self.__doc__ = value, value.__name__, value.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return dispatch(self, self.value, args, kwargs)

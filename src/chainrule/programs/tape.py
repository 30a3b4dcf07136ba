"""The trace below all derivatives: it records every operation on a call's own arguments.

The function that it runs may itself take derivatives (`jit(grad(f))`): their backward passes are
operations on traced values too, so they stand on the same tape. Beside the operations it takes
down what the run rested on: *guards*.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.op import Op
from ..tracing.recording import Recording
from ..tracing.running import OPEN, running
from ..tracing.source import describe, user_frame
from ..tracing.stacked import Stacked
from ..tracing.tracer import TRACERS, Tracer

TRUE, EQUAL, MADE, JUMP, NUMBER, DEFINED = "true equal made jump number defined".split()


REFUSING = frozenset("sqrt exp log sin cos tan tanh sinh cosh atan asin acos log1p expm1".split())
SOLVER = "a solver runs, whose steps hang on the values"


class UnreplayableError(BaseException):
    """Ends a recording that would not be kept; the call is made again without it."""


class Guard:
    """What must hold again when the first `at` operations have run.

    ``true``: the truth of a value; ``equal``: the value itself, which became a plain number;
    ``made``: what `op` makes of it; ``number``: it is not NaN; ``defined``: whether `op`, a
    function of `math`, has a value; ``jump``: `op` does not stand at a step of its value.
    """

    __slots__ = ("at", "kind", "nodes", "value", "op", "params")

    def __init__(self, at: int, kind: str, nodes: Any, value: Any, op: Any, params: Any) -> None:
        self.at, self.kind, self.nodes, self.value = at, kind, nodes, value
        self.op, self.params = op, params


class Tape(Recording):
    """Records a whole call, derivatives included, and what else it rests on."""

    __slots__ = ("guards", "refusal", "may_stop", "drew", "unusual", "math", "begun")
    differentiates = False
    replays = True

    def __init__(self, may_stop: Callable[[], bool] = lambda: False) -> None:
        super().__init__(keep=True)
        self.may_stop = may_stop  # whether the run may end here, and begin anew
        self.guards: list[Guard] = []
        self.math: dict[int, Callable[..., Any]] = {}  # the functions of `math`, by their steps
        self.drew = False
        self.begun = running.draws
        self.unusual = False  # whether the engine did what hangs on this very point
        self.refusal = ""  # why the recording cannot run again, where it cannot

    def refuse(self, why: str) -> None:
        """Take note that the run cannot be repeated by its operations alone; it goes on."""
        if not self.refusal:
            place = describe(user_frame(1))
            self.refusal = f"{why} at {place}" if place else why

    def lose(self, error: Exception) -> None:
        self.refuse(getattr(error, "what", str(error)))

    def drawn(self, since: Any = None) -> None:
        if since is not None and since[0] > self.begun:
            return  # of a seed that stands in the program: the same numbers in every run
        self.drew = True
        self.refuse("random numbers were drawn")

    def told(self, what: str, data: Any = None) -> None:
        if what in ("solver", "steps", "root"):
            self.refuse(SOLVER)
            if self.may_stop():
                raise UnreplayableError

    def observed(self, tracer: Tracer, how: Any = None) -> Any:
        """Take note of a value, or of what `how` makes of it, and return that."""
        value = tracer.cr_value
        if self.state != OPEN:
            return value if how is None else how(value)
        if how is None and tracer.dtype.kind in "fc" and self.carries(tracer):
            self.refuse("a plain number is made of what it is given")
            return value
        kind = EQUAL if how is None else TRUE if how is bool else MADE
        answer = _copied(value) if how is None else how(value)
        self.guards.append(Guard(len(self.nodes), kind, (tracer.cr_node,), answer, how, {}))
        return answer

    def printed(self, value: Any) -> None:
        """Take note that a value was made text, by which the program may decide."""
        if type(self.own(value)) is Node:
            self.refuse("a value is made text")

    def no_jump(self, op: Op, output: Any, values: Any, params: Any) -> None:
        """Take note that `op` was asked whether it stands at a step, and does not."""
        found = tuple(self.own(v, through=True) for v in (output, *values))
        if any(type(v) is Node for v in found):
            self.guards.append(Guard(len(self.nodes), JUMP, found, None, op, params))

    def not_nan(self, value: Any) -> None:
        """Take note that a value was seen not to be NaN."""
        node = self.own(value)
        if type(node) is Node:
            self.guards.append(Guard(len(self.nodes), NUMBER, (node,), None, None, {}))

    def defined(self, function: Any, args: Any, kwargs: Any, answer: bool) -> None:
        """Take note whether a function of `math` refuses its arguments."""
        if kwargs or any(type(a) in (list, tuple, dict) for a in args):
            self.refuse(f"math.{function.__name__} looks at what it is given")
            return
        self.math[len(self.nodes)] = function
        if answer and function.__name__ in REFUSING:
            return  # the operation refuses the same
        nodes = tuple(map(self.own, args))
        self.guards.append(Guard(len(self.nodes), DEFINED, nodes, answer, function, {}))

    def outputs(self) -> list[Any]:
        """Return the values of all operations."""
        return [node.output for node in self.nodes if not isinstance(node.output, tuple)]

    def own(self, value: Any, through: bool = False) -> Any:
        """Return the node of this tape behind a value, or the constant that it is to the tape.

        `through` goes through batches, whose axes then stand in front.
        """
        while type(value) in TRACERS or (through and type(value) is Stacked):
            if type(value) is Stacked:
                value = value.data
                continue
            if value.cr_owner is self:
                return value.cr_node
            value = value.cr_value
        return _copied(value)


def _copied(value: Any) -> Any:
    return value.copy("K") if type(value) is np.ndarray else value

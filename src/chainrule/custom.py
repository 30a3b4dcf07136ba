"""Custom rules: a user's own operation, declared with the same records as every other."""

import functools
import inspect
import sys
from collections.abc import Callable
from sys import getrefcount
from typing import Any

import numpy as np

from . import tree
from .core.op import Op
from .core.slots import INDEX, Jvp, Partial, Slot, Vjp
from .errors import CustomRuleError, LeakedTracerError
from .modes.forward import reads_outside
from .modes.linear import RuleRecording
from .tracing.reads import same, taken_of
from .tracing.running import OPEN, running
from .tracing.source import describe, user_frame
from .tracing.stacked import Stacked
from .tracing.tracer import TRACERS, apply, concrete, release

Function = Callable[..., Any]


def custom_rule(
    f: Function | None = None,
    *,
    partial: Any = None,
    jvp: Function | None = None,
    vjp: Function | None = None,
    check: bool = True,
) -> Any:
    """Give a function its own derivative rule, from one end; every mode then follows from it.

    Exactly one of the three is given, in plain NumPy:

    partial : for an elementwise function, ``partial(y, x) -> ∂y/∂x``; for several arguments a
        tuple with one such function (of ``y, *xs``) per argument, None where nothing flows.
    jvp : ``jvp(tangents, y, *xs) -> ẏ``, linear in the tuple of tangents, not branching on values.
    vjp : ``vjp(ct, y, *xs) -> x̄`` (a tuple for several arguments), linear in the cotangent.

    `f` maps arrays to one array and always receives plain arrays, so it may call anything (compiled
    code, an external program). A sparse matrix is one argument: `vjp` returns its cotangent as a
    matrix, dense or sparse, or as what stands at its `data`. Keyword arguments are constants,
    passed on to `f` and to the rule. What a rule reads besides its arguments must be, when it runs,
    what it was at the call. The first time that an argument is differentiated, the rule is compared
    with central differences along a random direction in it, unless ``check=False`` (for a rule that
    is meant to differ, such as a straight-through estimator). The first time that the rule is
    differentiated itself, for a second derivative, it is compared with itself on plain numbers:
    what it hides (`stop_gradient`, kept numbers) is an error, and with ``check=False`` a
    `CustomRuleWarning`.

    Raises CustomRuleError: a rule that is missing, given twice, of wrong shape, not linear, or
    wrong.

    >>> import numpy as np, chainrule
    >>> softplus = chainrule.custom_rule(
    ...     lambda x: np.logaddexp(0, x), partial=lambda y, x: np.exp(x - y)
    ... )
    >>> float(chainrule.grad(softplus)(0.0)), float(chainrule.derivative(softplus, 2)(0.0))
    (0.5, 0.25)
    """
    if f is None:
        return lambda g: custom_rule(g, partial=partial, jvp=jvp, vjp=vjp, check=check)
    if not callable(f):
        raise CustomRuleError(
            f"custom_rule needs a function, got {type(f).__name__}",
            where=describe(user_frame(1)),
            cure="write chainrule.custom_rule(f, partial=rule), or above the function "
            "@chainrule.custom_rule(partial=rule)",
        )
    rules = {"partial": partial, "jvp": jvp, "vjp": vjp}
    given = [name for name, r in rules.items() if r is not None]
    if len(given) != 1:
        raise CustomRuleError(
            f"custom_rule for {_name(f)} got {' and '.join(given) or 'no rule'}",
            where=describe(user_frame(1)),
            why="one rule determines all modes; a second one could disagree with it",
            cure="give exactly one of partial=, jvp=, vjp=",
        )
    rule = partial if partial is not None else jvp or vjp
    for r in rule if isinstance(rule, tuple) else (rule,):
        if r is not None and not callable(r):
            raise CustomRuleError(
                f"the {given[0]} of {_name(f)} is not a function: {r!r}",
                where=describe(user_frame(1)),
                cure=f"give a function: {given[0]}=lambda {_SIGNATURES[given[0]]}: …",
            )
    return CustomFunction(f, given[0], rule, check)


_STATE = "state read by the rule"


def _count_own() -> int:
    """Count as `_value` does an array that only its caller holds."""
    y = np.empty(1)
    return getrefcount(y)


_OWN = _count_own()
_CONTAINERS = (list, tuple, dict)
_SIGNATURES = {"partial": "y, x", "jvp": "tangents, y, x", "vjp": "ct, y, x"}


def _name(f: Any) -> str:
    return getattr(f, "__name__", None) or type(f).__name__


def _sparse(args: Any) -> dict[int, Any]:
    """Return the sparse matrices with traced entries among the arguments."""
    if "scipy.sparse" not in sys.modules:
        return {}
    sparse = [k for k, a in enumerate(args) if type(a) not in TRACERS and hasattr(a, "toarray")]
    if not sparse:
        return {}
    from .ops.scipy.sparse.given import Given, has_entries

    return {k: Given(args[k]) for k in sparse if has_entries(args[k])}


def _is_differentiated(x: Any) -> bool:
    """Say whether a derivative is taken by a value, or may be: a formula is traced for others."""
    while type(x) in TRACERS:
        if x.cr_owner.differentiates:
            return bool(x.cr_carries())
        if isinstance(x.cr_owner, RuleRecording):
            return any(
                _is_differentiated(x.cr_owner.given[n]) if n in x.cr_owner.given else
                any(t.differentiates and t.state <= OPEN for t in running.traces)
                for n in x.cr_owner.starts(x)
            )  # fmt: skip
        x = x.cr_value
        x = x.data if type(x) is Stacked else x
    return False


class CustomFunction:
    """A function with a rule of its own. Call it like the function."""

    def __init__(self, f: Function, kind: str, rule: Any, check: bool) -> None:
        self.function, self.kind, self.rule = f, kind, rule
        self.checks = check
        self.intact = False  # whether it is known to leave its arguments as they are
        self.ops: dict[int, Op] = {}
        self.compared: set[int] = set()  # the arguments in which the rule was
        self.compared_again: set[int] = set()  # and those in which it was differentiated itself
        self.__name__, self.__doc__, self.__wrapped__ = _name(f), f.__doc__, f

    def __repr__(self) -> str:
        return f"<custom rule {self.__name__} by {self.kind}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "ops": {}}

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Bind as a method: function and rule receive `self` in its place among the arguments."""
        if instance is None:
            return self
        first = {"partial": 1, "jvp": 2, "vjp": 2}[self.kind]

        def bind(rule: Any) -> Any:
            if rule is None:
                return None
            return lambda *args, **params: rule(*args[:first], instance, *args[first:], **params)

        rules = self.rule
        bound = tuple(map(bind, rules)) if isinstance(rules, tuple) else bind(rules)
        function = functools.partial(self.function, instance)
        method = CustomFunction(function, self.kind, bound, self.checks)
        method.__name__, method.compared = self.__name__, self.compared
        method.compared_again = self.compared_again
        return method

    def __call__(self, *args: Any, **params: Any) -> Any:
        """Call the function; on traced arguments as one operation with the rule."""
        for a in (*args, *params.values()):
            if type(a) in _CONTAINERS and any(type(v) in TRACERS for v in tree.flatten(a)[0]):
                raise self._hidden("in a container")
        if any(type(v) in TRACERS and (v.cr_carries() or v.cr_varies()) for v in params.values()):
            raise self._hidden("by keyword")
        given = _sparse(args)
        if given:
            return self._of_entries(given, args, params)
        if not any(type(a) in TRACERS for a in args):
            return self.function(*args, **params)
        args = tuple(a if type(a) in TRACERS else np.asarray(a)[()] for a in args)
        op = self.ops.get(len(args))
        if op is None:
            op = self.ops[len(args)] = self._declare(len(args), params)
        if self.checks:
            known = self.compared
            new = {k for k, a in enumerate(args) if k not in known and _is_differentiated(a)}
            if new:
                self.compared |= new
                try:
                    from .diagnose.rules import compare

                    compare(self, op, [concrete(a) for a in args], params, new)
                except BaseException:
                    self.compared -= new
                    raise
        params = {k: np.array(v) if type(v) is np.ndarray else v for k, v in params.items()}
        return apply(op, args, params | {_STATE: taken_of(self.rules())})

    def _of_entries(self, given: dict[int, Any], args: Any, params: Any) -> Any:
        """Call with the entries of sparse matrices for arguments; the rule gets matrices."""
        if self.kind == "partial":
            raise self.error(
                f"{self.__name__} with a partial received a sparse matrix",
                cure="a partial is elementwise; for matrices give jvp= or vjp=",
            )

        def matrices(xs: Any) -> list[Any]:
            return [given[k].matrix(x) if k in given else x for k, x in enumerate(xs)]

        def vjp(ct: Any, y: Any, *xs: Any, **params: Any) -> Any:
            found = self.rule(ct, y, *matrices(xs), **params)
            found = found if isinstance(found, tuple | list) else (found,)
            return tuple(given[k].entries(c) if k in given and c is not None else c
                         for k, c in enumerate(found))  # fmt: skip

        def jvp(ts: Any, y: Any, *xs: Any, **params: Any) -> Any:
            return self.rule(tuple(matrices(ts)), y, *matrices(xs), **params)

        def function(*xs: Any, **params: Any) -> Any:
            return self.function(*matrices(xs), **params)

        inner = CustomFunction(function, self.kind, vjp if self.kind == "vjp" else jvp, self.checks)
        inner.__name__, inner.rules = self.__name__, self.rules  # type: ignore[method-assign]
        inner.compared, inner.compared_again = self.compared, self.compared_again
        return inner(*(given[k].data if k in given else a for k, a in enumerate(args)), **params)

    def rules(self) -> list[Any]:
        """Return the functions that were given as rules."""
        rules = self.rule if isinstance(self.rule, tuple) else (self.rule,)
        return [r for r in rules if r is not None]

    def _ruled(self, rule: Function, *args: Any, **params: Any) -> Any:
        """Call a rule, if what it reads is what it was when the function was called."""
        before = params.pop(_STATE, None)
        if before is not None and not same(before, taken_of(self.rules())):
            raise CustomRuleError(
                f"what the {self.kind} of {self.__name__} reads has changed since the call",
                why="the rule runs in the backward pass, and it would compute with another value "
                "than the function did",
                cure="pass what changes as an argument: ‹callee›(x, k) with None for its "
                "partial, or by keyword, which the rule then receives too",
            )
        xs = args[1 if self.kind == "partial" else 2 :]
        known = self.compared_again
        new = {k for k, x in enumerate(xs) if k not in known and _is_differentiated(x)}
        if new:
            self.compared_again |= new
            try:
                from .diagnose.rules import compare_again

                compare_again(self, self.ops[len(xs)], [concrete(x) for x in xs], params, new)
            except CustomRuleError:
                self.compared_again -= new
                raise
        stopped, running.stopped = running.stopped, None  # beside a point they go on
        ruled, running.ruled = running.ruled, True
        try:
            return rule(*args, **params)
        except LeakedTracerError as error:
            raise reads_outside(self.__name__) from error
        finally:
            running.stopped, running.ruled = stopped, ruled

    def _check_signature(self, rules: tuple[Any, ...], count: int, params: Any) -> None:
        for rule in rules:
            try:
                signature = inspect.signature(rule)
            except (TypeError, ValueError):  # a compiled function
                continue
            try:
                signature.bind(*range(count), **params)
            except TypeError as error:
                raise self.error(
                    f"the {self.kind} of {self.__name__} takes other arguments: {error}",
                    why=f"it is called with {count} arguments"
                    + (f" and {', '.join(params)}=" if params else ""),
                    cure=f"write it as {self.kind}({_SIGNATURES[self.kind]}, …) with one x per "
                    "argument of the function",
                ) from None

    def _declare(self, arity: int, params: dict[str, Any]) -> Op:
        slots: tuple[Slot, ...]
        rules = self.rule if isinstance(self.rule, tuple) else (self.rule,)
        given = tuple(self.rules())
        self._check_signature(given, arity + (1 if self.kind == "partial" else 2), params)
        if self.kind == "partial":
            if len(rules) != arity:
                raise self.error(
                    f"{self.__name__} was called with {arity} arguments, but has {len(rules)} "
                    "partials",
                    cure="give a tuple with one partial per argument, None where nothing flows",
                )
            slots = tuple(INDEX if r is None else Partial(self._guard(r)) for r in rules)
        elif self.kind == "jvp":
            slots = (Jvp(self._jvp_rule, joint=True),) * arity
        else:
            slots = (Vjp(self.pulled),) * arity
        # a user's rule may read globals and attributes that change between calls: not closed
        batch = None if self.kind == "partial" else "loop"
        return Op(
            self.__name__, self._value, slots, closed=False, batch=batch, view="shared"
        )

    def _hidden(self, how: str) -> CustomRuleError:
        return self.error(
            f"{self.__name__} received a traced value {how}",
            why="the rule knows the positional arguments, one array each; what flows through "
            "others would be lost",
            cure="pass every array that is differentiated as a positional argument of its own",
        )

    def _value(self, *xs: Any, **params: Any) -> Any:
        """Call the function as it stands: within, no name stands for something with a door."""
        params.pop(_STATE, None)
        known = self.intact or any(type(x) in TRACERS for x in xs)
        before = None if known else [np.array(x) for x in xs]
        traces, running.traces = running.traces, []
        ruled, running.ruled = running.ruled, True
        try:
            y = self.function(*xs, **params)
        finally:
            running.traces, running.ruled = traces, ruled
        if before is not None:
            self._check_intact(xs, before)
        y = release(y)
        if type(y) in TRACERS:
            raise self._hidden("from outside its arguments (a closure, a global or an attribute)")
        if y is None or isinstance(y, tuple | list | dict | str):
            raise self.error(
                f"{self.__name__} returned {type(y).__name__}, not one array",
                cure="return one array or number; split several results into several functions",
            )
        if not isinstance(y, np.ndarray):
            return y if isinstance(y, np.generic) else np.asarray(y)[()]
        if y is xs[0] or (y.base is None and getrefcount(y) <= _OWN):
            return y
        return y if np.may_share_memory(y, xs[0]) else y.copy()

    def _check_intact(self, xs: Any, before: list[Any]) -> None:
        for x, old in zip(xs, before, strict=True):
            if isinstance(x, np.ndarray) and x.tobytes() != old.tobytes():
                x[...] = old
                raise self.error(
                    f"{self.__name__} writes into its argument",
                    why="the caller's array would change, and its derivative would not",
                    cure="copy the argument first: x = x.copy()",
                )
        self.intact = True

    def _guard(self, rule: Function) -> Function:
        def partial(y: Any, *xs: Any, **params: Any) -> Any:
            p = self._number(self._ruled(rule, y, *xs, **params), "partial")
            try:
                fits = np.broadcast_shapes(np.shape(concrete(p)), y.shape) == y.shape
            except ValueError:
                fits = False
            if not fits:
                raise self.error(
                    f"the partial of {self.__name__} has shape {np.shape(concrete(p))}, but the "
                    f"output has shape {y.shape}",
                    cure="a partial is elementwise; for other Jacobians give jvp= or vjp=",
                )
            return p

        return partial

    def _jvp_rule(self, ts: Any, y: Any, *xs: Any, **params: Any) -> Any:
        full = tuple(
            np.zeros(x.shape, x.dtype) if t is None else t for t, x in zip(ts, xs, strict=True)
        )
        out = self._number(self._ruled(self.rule, full, y, *xs, **params), "jvp")
        if np.shape(concrete(out)) != y.shape:
            raise self.error(
                f"the jvp of {self.__name__} returned shape {np.shape(concrete(out))}, but the "
                f"output has shape {y.shape}",
                cure="return the tangent of the output, in the output's shape",
            )
        return out

    def pulled(self, ct: Any, y: Any, *xs: Any, **params: Any) -> tuple[Any, ...]:
        """Return what the `vjp` gives, one cotangent for each argument."""
        found = self._ruled(self.rule, ct, y, *xs, **params)
        if not isinstance(found, tuple | list):
            found = (found,)
        if len(found) != len(xs):
            raise self.error(
                f"the vjp of {self.__name__} returned {len(found)} cotangents for {len(xs)} "
                "arguments",
                cure="return a tuple with one cotangent per argument, None where nothing flows",
            )
        out = []
        for c, x in zip(found, xs, strict=True):
            c = np.zeros(x.shape, x.dtype)[()] if c is None else self._number(c, "vjp")
            if np.shape(concrete(c)) != x.shape:
                raise self.error(
                    f"the vjp of {self.__name__} returned shape {np.shape(concrete(c))} for an "
                    f"argument of shape {x.shape}",
                    cure="a cotangent has the shape of its argument",
                )
            out.append(c)
        return tuple(out)

    def _number(self, value: Any, which: str) -> Any:
        value = release(value)
        if type(value) in TRACERS or isinstance(value, np.ndarray | np.generic):
            return value
        if isinstance(value, float | int | complex):
            return np.asarray(value)[()]
        raise self.error(
            f"the {which} of {self.__name__} returned {type(value).__name__}",
            cure="return a number or an array",
        )

    def error(self, what: str, why: str = "", cure: str = "") -> CustomRuleError:
        """Build an error at the user's line."""
        return CustomRuleError(what, where=describe(user_frame(2)), why=why, cure=cure)

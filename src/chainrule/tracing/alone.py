"""Whether what a program asks is so at the very point alone, and not beside it.

``x == 0`` that holds, ``abs(x) > 0`` that does not, the truth of 0, a NaN: what the program does
then it does there only, and the derivative of that is none of the function (see `searches`). Some
elements are enough. A comparison by order that meets equal numbers is no such question where its
answer is that of other elements, too: ``x > 0`` is false at 0 as it is beside it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .running import running

_SLIGHT = 1e-5  # a tolerance, below which a difference counts as 0
_HUGE = 1e10  # above one like it a quotient by such a difference is
_SHARE = 1e-6  # of a tolerance that was computed, below which a number stands for 0
_FINE = 6  # decimals to which a number is rounded, after which it counts as itself
_EPS, _TIMES = 2.0**-52, (1, 2, 4, 8, 10, 16, 100, 1000)  # the rounding of 1, some times
_NEAR = 1e-4  # a difference after which one of 0 is that of an iteration which has converged
UP, DOWN, BOTH = 1, 2, 3  # on which side of equality the answer is the same
_SIDES = {  # by the answer at equality
    "less": (UP, DOWN), "less_equal": (UP, DOWN),
    "greater": (DOWN, UP), "greater_equal": (DOWN, UP),
}  # fmt: skip
_NUMBERS = frozenset((np.float64, np.float32, float, int))
_PLAIN = (np.generic, float, int, complex)


def _finds(output: Any, *values: Any) -> Any:
    """Return where numbers were found to be the same, or none."""
    return np.logical_or(output, _no_numbers(values)) if output.dtype.kind == "b" else False


def _finds_not(output: Any, *values: Any) -> Any:
    return _finds(np.logical_not(output), *values) if output.dtype.kind == "b" else False


def _no_numbers(values: Any) -> Any:
    """Return where one of two that are compared is no number: ``y != y`` is true there."""
    if len(values) != 2 or any(v.dtype.kind not in "fciub" for v in values):
        return False
    return np.logical_or(*map(np.isnan, values))


def _finds_real(output: Any, x: Any, *_: Any) -> Any:
    return output if x.dtype.kind == "c" else False


def _finds_none_real(output: Any, x: Any, *_: Any) -> Any:
    return np.logical_not(output) if x.dtype.kind == "c" else False


def _is_short_of_rank(output: Any, x: Any, *_: Any) -> Any:
    return np.less(output, min(x.shape[-2:], default=0))


def _is_round(output: Any, x: Any, *_: Any, decimals: int = 0, **__: Any) -> Any:
    """Return where a number is one of those to which a fine rounding goes."""
    return np.equal(output, x) if decimals >= _FINE and x.dtype.kind in "fc" else False


def _vanishes(_output: Any, *values: Any) -> Any:
    """Return where a number that is taken for true or false is 0."""
    found: Any = False
    for v in values:
        if v.dtype.kind in "fc":
            found = np.logical_or(found, np.equal(v, 0)) if found is not False else np.equal(v, 0)
    return found


def _first_vanishes(_output: Any, condition: Any, *_others: Any) -> Any:
    return np.equal(condition, 0) if condition.dtype.kind in "fc" else False


def _is_nan(_output: Any, *values: Any) -> Any:
    return np.isnan(values[0]) if values[0].dtype.kind in "fc" else False


def _equals(output: Any, a: Any, b: Any) -> Any:
    """Return where two numbers that are put in order are equal, or differ by nothing at all."""
    if output.dtype.kind != "b":
        return False
    found = np.equal(a, b)
    for x, y in ((a, b), (b, a)):
        bound = y.flat[0] if y.size == 1 else x.flat[0] if x.size == 1 else np.nan
        if 0 < bound <= _SLIGHT or bound >= _HUGE:
            near = np.vectorize(_is_slight, otypes=[bool])
            found = np.logical_or(found, near(x, y))
    return found


def _is_slight(x: Any, y: Any) -> bool:
    """Say whether the less of two numbers is nearly 0, or the larger nearly infinite.

    A program writes such tolerances as slight, or huge, round numbers; or it computes them, and
    what is far less than those stands at the point. Around it all that is less does.
    """
    if not 0 <= x < y:
        return False
    if y <= _SLIGHT:
        if _is_round_number(float(y)):
            return True
        if x > 0 and _is_round_number(float(x)):  # x is the tolerance, and y is more
            return False
        rounding = 0.5 * _EPS <= y <= _TIMES[-1] * _EPS
        return rounding or x <= _SHARE * y or running.around
    return x >= _HUGE and _is_round_number(float(x))


def _is_bound(a: Any, b: Any) -> bool:
    """Say whether a number is compared with an end of a slight interval about it: P ± 1e-9."""
    apart = abs(a - b)
    if not apart <= _SLIGHT:
        return False
    rest = abs(apart - float(f"{apart:.1e}"))
    return running.around or bool(rest <= 4 * _EPS * max(abs(a), abs(b)))


def _is_round_number(y: float) -> bool:
    return y / _EPS in _TIMES or y * _EPS in _TIMES or float(f"{y:.1e}") == y


def _truncated(output: Any, x: Any, *_: Any) -> Any:
    return np.equal(x, 0) if output.dtype.kind == "b" and x.dtype.kind in "fc" else False


def _is_whole(output: Any, x: Any, *by: Any) -> Any:
    return np.equal(np.multiply(output, by[0]) if by else output, x)


def _is_infinite(_output: Any, *values: Any) -> Any:
    return np.isinf(values[0]) if values[0].dtype.kind in "fc" else False


def _is_no_number(_output: Any, *values: Any) -> Any:
    return np.logical_not(np.isfinite(values[0])) if values[0].dtype.kind in "fc" else False


def _yes(_output: Any, *_values: Any) -> Any:
    return True


ORDER = frozenset(_SIDES)  # questions whose answer at equality is that of one side
_ROUNDED = frozenset("floor ceil trunc floor_divide".split())  # of x and of −x alike
KINDS: dict[str, Callable[..., Any]] = (
    dict.fromkeys(ORDER, _equals)
    | dict.fromkeys(
        "equal isclose allclose array_equal array_equiv isin whole scipy.issymmetric "
        "scipy.ishermitian".split(), _finds)
    | dict.fromkeys("not_equal any all".split(), _finds_not)
    | dict.fromkeys(
        "truth logical_not logical_and logical_or logical_xor count_nonzero nonzero flatnonzero "
        "argwhere sign".split(), _vanishes)
    | dict.fromkeys("where heaviside compress extract".split(), _first_vanishes)
    | dict.fromkeys(("astype", "astype_constant"), _truncated)
    | dict.fromkeys(_ROUNDED, _is_whole)
    | dict.fromkeys(("isnan",), _is_nan)
    | dict.fromkeys("isinf isposinf isneginf".split(), _is_infinite)
    | dict.fromkeys(("isfinite", "nan_to_num"), _is_no_number)
    | dict.fromkeys(("raised", "plane", "printed"), _yes)
    | {"isreal": _finds_real, "iscomplex": _finds_none_real, "matrix_rank": _is_short_of_rank,
       "round": _is_round, "around": _is_round}
)  # fmt: skip


def met(
    name: str, output: Any, values: Any, leads: Any = None, **params: Any
) -> tuple[Any, int]:
    """Return where a question met what holds at this point alone, and the side it agrees with.

    The first is False, True, or, for a batch, which examples. `leads` tells how many axes of a
    batch stand in front of each, where they are plain; the others are the params of the operation.
    """
    if KINDS[name] is _yes:
        return True, 0
    kind = KINDS[name]
    if (kind is _vanishes or kind is _first_vanishes) and leads is None:
        asked = values if kind is _vanishes else values[:1]
        if all(type(x := under(v)[0]) is np.ndarray and x.dtype.kind == "b" for v in asked):
            return False, 0  # what was asked before answers alone
    if name in ORDER and len(values) == 2:
        a, b = values
        if type(a) in _NUMBERS and type(b) in _NUMBERS:
            if a == b or _is_slight(a, b) or _is_slight(b, a) or _is_bound(a, b):
                return True, _SIDES[name][bool(output)]
            if a != a or b != b:
                return True, 0
            return False, 0
        if leads is None and (side := _ordinary(name, output, a, b)) is not None:
            return False, side
    with np.errstate(all="ignore"):
        try:
            shape, plain = (
                _plain(output, values) if leads is None else _aligned([output, *values], leads)
            )
            if plain is None:
                return False, 0
            at = kind(*plain, **params) if kind is _is_round else kind(*plain)
            none = _no_numbers(plain[1:]) if kind is _equals else False
        except TypeError:
            return False, 0
        except ValueError:  # of several batch axes in front not all have all
            return True, 0
    if np.any(none):
        at = none
    elif at is True or at is False or not np.any(at):
        return (at if at is True else False), 0
    side = 0
    if name in ORDER and at is not none:
        answers = np.broadcast_to(plain[0], np.shape(at))
        answer = answers[at].flat[0]
        side = _SIDES[name][bool(answer)]
        if not np.all(at) and np.any(answers[np.logical_not(at)] == answer):
            at = False
    elif name in _ROUNDED:
        return False, BOTH
    if at is False or not shape or np.shape(at)[:1] != (shape,):
        return at is not False, side
    return np.any(np.reshape(at, (shape, -1)), axis=1), side


def _ordinary(name: str, output: Any, a: Any, b: Any) -> int | None:
    """Say at once of arrays that nothing is met, and the side; None where it is to be looked at.

    Most often all numbers differ, or the answer of those that are equal is that of others, too.
    """
    (a, behind), (b, beside), (output, _) = under(a), under(b), under(output)
    if type(a) in _NUMBERS:
        a, b = b, a
    if behind or beside or type(a) is not np.ndarray or a.dtype.kind != "f" or a.size == 1:
        return None
    if type(b) in _NUMBERS:
        if 0 < b <= _SLIGHT or b >= _HUGE:
            return None
    elif type(b) is not np.ndarray or b.size == 1:
        return None
    count = np.count_nonzero(np.equal(a, b))
    if a.size and np.isnan(np.minimum.reduce(a, axis=None)):
        return None
    if count == 0:
        return 0
    if type(output) is not np.ndarray or output.dtype.kind != "b":
        return None
    answer = name.endswith("_equal")
    alike = np.count_nonzero(output)
    side = _SIDES[name][answer]
    return side if (alike if answer else output.size - alike) > count else None


def _plain(output: Any, values: Any) -> tuple[int, list[Any] | None]:
    """Return the size of a batch, or 0, and the plain values, which broadcast."""
    found, leads = [], []
    for v in (output, *values):
        v, lead = under(v)
        if type(v) in (list, tuple) and found:
            v = [under(part)[0] for part in v]
            v = np.asarray(v) if all(isinstance(part, _PLAIN) for part in v) else None
        if not isinstance(v, (np.ndarray, str, *_PLAIN)):
            if len(found) == 1:
                return 0, None
            v = False  # what is asked for something else
        found.append(np.asarray(v))
        leads.append(lead)
    return _aligned(found, leads)


def under(v: Any) -> tuple[Any, int]:
    """Return the plain value under all tracers, and how many batch axes stand in front of it."""
    lead = 0
    while True:
        if hasattr(type(v), "cr_owner"):
            v = v.cr_value
        elif hasattr(type(v), "agreed"):
            v, lead = v.data, lead + 1
        else:
            return v, lead


def _aligned(found: list[Any], leads: Any) -> tuple[int, list[Any]]:
    lead = max(leads)
    if not lead:
        return 0, found
    rank = max(v.ndim - n for v, n in zip(found, leads, strict=True))
    return found[leads.index(lead)].shape[0], [
        np.reshape(v, (*v.shape[:n], *(1,) * (rank + n - v.ndim), *v.shape[n:])) if n else v
        for v, n in zip(found, leads, strict=True)
    ]


def found(output: Any) -> Any:
    """Return what a function found, its whole numbers and shapes, as what can be compared."""
    if isinstance(output, tuple | list):
        return tuple(map(found, output))
    held = np.asarray(under(output)[0])
    return held.tobytes() if held.dtype.kind in "biu" else held.shape


class Asked:
    """A question, as what a recording is to be guarded by."""

    def __init__(self, name: str) -> None:
        self.name = name

    def jump(self, output: Any, *values: Any, leads: Any = None, **_: Any) -> bool:
        """Say whether it is so at this point alone."""
        if leads is not None:
            output, *values = (np.asarray(v) for v in (output, *values))  # type: ignore[assignment]
        return bool(np.any(met(self.name, output, values, leads)[0]))


ASKED = {name: Asked(name) for name in KINDS}


def converged(gap: Callable[[Any], float], before: Any) -> bool:
    """Say whether numbers that are equal now were close together before: an iteration's."""
    return 0 < gap(before) <= _NEAR

"""Which parameters of an operation a reader is shown: those that somebody gave."""

from typing import Any

import numpy as np

_TINY = 1e-12  # a cut-off of the order of rounding
_QUIET: dict[str, Any] = {
    "keepdims": False, "order": "C", "UPLO": "L", "upper": False, "nu": 0,
    "offset": 0, "signed": False, "optimize": False,
}  # fmt: skip
_OWN = frozenset("top names within way form basis operator how sweep edge".split())


def quiet(name: str, value: Any) -> bool:
    """Say whether a parameter has the value that it has when nobody mentions it."""
    if " " in name or name in _OWN:  # the engine's own
        return True
    if value is None or (name == "rcond" and isinstance(value, float) and value < _TINY):
        return True  # as it is if nobody gives it
    if name not in _QUIET or type(value) is not type(_QUIET[name]):
        return False
    return bool(value == _QUIET[name])


def literal(value: Any) -> bool:
    """Say whether a parameter is written as it stands in a program, and is no object of its own."""
    if isinstance(value, tuple | list):
        return bool(value)
    return value is None or isinstance(
        value, str | int | float | complex | bool | slice | np.dtype | np.generic | dict)


class Held:
    """A fixed map in a template: ``{form:A}`` is its letter, ``{form:turn}`` and … its exponent."""

    def __init__(self, writer: Any, v: Any) -> None:
        self.writer, self.told = writer, v if isinstance(v, dict) else {}

    def __format__(self, spec: str) -> str:
        turned, writer = self.told.get("turned", False), self.writer
        if spec == "inverse":
            return writer.minus_top if turned else writer.inverse_top
        if spec == "turn":
            return writer.transpose_top if turned else ""
        return writer.symbol(self.told["operator"]) if "operator" in self.told else spec

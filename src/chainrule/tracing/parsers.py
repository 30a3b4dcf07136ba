"""Methods that read numbers in from text; loaded with the modules whose they are."""

import configparser
import json
from types import FunctionType
from typing import Any

from ..core.registry import composite
from .readers import look


def _plainly(function: FunctionType) -> Any:
    """Return a copy of a function that has no door."""
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _read(owner: type, name: str) -> None:
    function = vars(owner)[name]
    plainly = _plainly(function)

    @composite(function, name=f"{owner.__module__}.{owner.__name__}.{name}", always="anywhere")
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Look at the text first."""
        look(args)
        return plainly(self, *args, **kwargs)


def _convert(owner: type, name: str) -> None:
    function = vars(owner)[name]
    plainly = _plainly(function)

    @composite(function, name=f"{owner.__module__}.{owner.__name__}.{name}", always="anywhere")
    def method(self: Any, section: Any, option: Any, conv: Any, **kwargs: Any) -> Any:
        """Look at the text of an option before it is converted."""

        def looked_at(text: Any) -> Any:
            look((text,))
            return conv(text)

        return plainly(self, section, option, looked_at, **kwargs)


_read(json.JSONDecoder, "decode")
_read(json.JSONDecoder, "raw_decode")
_convert(configparser.RawConfigParser, "_get_conv")

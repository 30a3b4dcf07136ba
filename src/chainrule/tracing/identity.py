"""Comparison by identity, as plain code would have it: ``type(v) is float``, ``xp is np``."""

from typing import Any

from . import modules
from .faces import Face
from .losses import TRACERS


def same(b: Any, a: Any) -> bool:
    """Say whether two things are one, or stand for one while a function is traced."""
    return a is b or _plain(a) is _plain(b)


def _plain(value: Any) -> Any:
    if type(value) in TRACERS:  # a comparison of Python's numbers that is kept: True or False
        return bool(value) if value.cr_node in getattr(value.cr_owner, "truths", ()) else value
    return value.cr_plain if type(value) is Face else modules.hooks["original"](value)

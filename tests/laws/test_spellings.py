"""Law: however a call is spelled, and whatever it leaves out, it means what it means to NumPy.

The spellings are made of the samples: arguments left out, defaults written out, arguments named.
What a plain run refuses a traced one need only not answer.
"""

import inspect
from dataclasses import replace

import numpy as np

from chainrule.testing.samples import Place

from .agreeing import agree
from .registry import QUIET, calls, every_record

pytestmark = QUIET


def _has_place(args):
    return isinstance(args, Place) or (
        isinstance(args, tuple | list) and any(map(_has_place, args))
    )


def _used(args, xs):
    """Give the arrays that are still there their places, from the first on."""
    kept = []

    def again(a):
        if isinstance(a, Place):
            kept.append(xs[a.position])
            return Place(len(kept) - 1)
        return type(a)(map(again, a)) if isinstance(a, tuple | list) and _has_place(a) else a

    return tuple(map(again, args)), tuple(kept)


def _shorter(case):
    """Yield the call without its options, and with fewer and fewer arguments.

    Where what is left are constants (a mask, say), they are traced as the numbers that they are.
    """
    if case.kwargs:
        yield replace(case, kwargs={})
    for n in range(len(case.args) - 1, 0, -1):
        args, xs = case.args[:n], case.xs
        if not _has_place(args):
            args = tuple(Place(k) if isinstance(a, np.ndarray) else a for k, a in enumerate(args))
            xs = [a.astype(float) if isinstance(a, np.ndarray) else a for a in case.args]
        args, xs = _used(args, xs)
        if xs:
            yield replace(case, args=args, xs=xs, kwargs={})


def _written_out(case):
    """Yield the call with each option at its default, and with its arguments by name."""
    try:
        known = inspect.signature(case.function).parameters.values()
    except (TypeError, ValueError):
        return
    for p in list(known)[len(case.args) :]:
        if p.default is not p.empty and p.name not in case.kwargs and p.kind in (
            p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD,
        ):  # fmt: skip
            yield replace(case, kwargs={**case.kwargs, p.name: p.default})
    named = {}
    for p, a in zip(known, case.args, strict=False):
        if p.kind is not p.POSITIONAL_OR_KEYWORD:
            break
        named[p.name] = a
    if len(named) == len(case.args) and not any(map(_has_place, case.kwargs.values())):
        names = list(named)

        def by_name(*args, function=case.function, **kwargs):
            return function(**dict(zip(names, args, strict=True)), **kwargs)

        yield replace(case, function=by_name)


@every_record
def test_arguments_left_out(record):
    for case in calls(record):
        for shorter in _shorter(case):
            agree(shorter)


@every_record
def test_defaults_written_out_and_arguments_named(record):
    for case in calls(record):
        for spelled in _written_out(case):
            agree(spelled)

"""What each command does."""

import json
import os
from argparse import Namespace
from typing import Any

import numpy as np

from .. import tree
from ..errors import CheckError, CustomRuleError, UsageError
from ..slopes import DIFFERS
from .console import GREEN, RED, note, paint, result, terminal_width
from .target import Target, find_target

FORMATS = {"text": ".txt", "markdown": ".md", "latex": ".tex", "json": ".json"}

EXAMPLES = {
    "chainrule": (
        'chainrule explain "sin((2*x+1)**2)" --at x=0.5',
        "chainrule demo",
    ),
    "explain": (
        'chainrule explain "sin((2*x+1)**2)" --at x=0.5',
        "chainrule explain examples/two_layers.py:loss -o derivation.md",
    ),
    "draw": ('chainrule draw "x*sin(x)" --at x=2 -o graph.svg',),
    "check": ("chainrule check examples/two_layers.py:loss",),
    "demo": ("chainrule demo --out chainrule-report",),
}


def explain(options: Namespace) -> int:
    """Print or save a derivation."""
    from ..explain import explain as derive
    from ..explain.text import folded

    target = find_target(options.target, options.at, options.input)
    chosen = options.format or _format_of(options.output)
    derivation = derive(
        target.function, *target.args, argnums=differentiated(target, options.wrt),
        mode=options.mode, detail=options.detail, output=options.entry,
    )  # fmt: skip
    text = getattr(derivation, chosen)()
    columns = terminal_width() if options.output is None and chosen == "text" else 0
    _deliver(folded(text, columns) if columns else text, options.output)
    if derivation.document["check"]["verdict"] == DIFFERS:
        note("the derivative and the differences of the program disagree: see the check")
        return 1
    return 0


def draw(options: Namespace) -> int:
    """Draw the graph of a function as SVG."""
    from ..explain import draw as make

    target = find_target(options.target, options.at, options.input)
    if options.output is not None and not options.output.endswith(".svg"):
        raise UsageError(
            f"draw writes SVG, and {options.output!r} does not end in .svg",
            cure="write -o graph.svg; a browser shows it",
        )
    drawing = make(target.function, *target.args, argnums=differentiated(target, options.wrt))
    _deliver(drawing.svg(), options.output)
    return 0


def check(options: Namespace) -> int:
    """List where derivatives are lost, zero or a choice; compare them with numerical ones.

    Returns 1 where one is lost, or where they differ.
    """
    from ..diagnose import check as survey
    from .check import examine

    target = find_target(options.target, options.at, options.input)
    wrt = differentiated(target, options.wrt)
    try:
        places = survey(target.function, *target.args, argnums=wrt)
        lost = any(place.kind == "lost" for place in places)
        report = None if lost else examine(target, wrt, options.seed)
    except CustomRuleError as error:  # a custom rule checks itself when it is first used
        raise CheckError(error.what, where=target.label, why=error.why, cure=error.cure) from error
    if report is None:  # a comparison would only raise the first of the errors
        data = {"passed": False, "places": places.json()}
        result(json.dumps(data, indent=1, ensure_ascii=False) if options.json else places.text())
        return 1
    if options.json:
        data = report.json() | {"places": places.json()}
        data["passed"] = bool(report.passed and places)
        result(json.dumps(data, indent=1, ensure_ascii=False))
    else:
        result(report.text())
        if len(places):
            result(f"\n{places.text()}")
        passed = report.passed and places
        words = report.verdict if places else "they differ"
        verdict = paint(words, GREEN if passed else RED)
        result(f"\n{target.label}: {verdict}")
    return 0 if report.passed and places else 1


def demo(options: Namespace) -> int:
    """Run the worked examples, train on real digits, write the report."""
    from .demo import run

    return run(options.out, as_json=options.json, train=not options.examples_only)


def differentiated(target: Target, wrt: str) -> tuple[int, ...]:
    """Return the positions of the inputs to differentiate: those named, or all that are floats.

    Where none is, the first whole number is taken, as the library takes it: f(x=2, n=3).
    """
    if not wrt:
        kinds = [_kinds(arg) for arg in target.args]
        found = tuple(i for i, kind in enumerate(kinds) if kind and kind <= set("fc")) or tuple(
            i for i, kind in enumerate(kinds) if kind and kind <= set("fciu"))[:1]
        if not found:
            names = ", ".join(target.names) or "none"
            raise UsageError(
                f"{target.label} has no number to differentiate with respect to (inputs: {names})",
                cure="give a number or an array of numbers" if target.args else
                "a derivative is with respect to an input: give the function a parameter",
            )
        return found
    wanted = [name.strip() for name in wrt.split(",")]
    for name in wanted:
        if name not in target.names:
            raise UsageError(
                f"--wrt names {name!r}, which {target.label} does not have",
                cure=f"its inputs are {', '.join(target.names)}",
            )
    return tuple(i for i, name in enumerate(target.names) if name in wanted)


def _kinds(arg: Any) -> set[str]:
    """Return the kinds of the numbers in an argument, as NumPy calls them; others are its "O"."""
    return {np.asarray(x).dtype.kind for x in tree.flatten(arg)[0]}


def _format_of(output: str | None) -> str:
    if output is None:
        return "text"
    suffix = os.path.splitext(output)[1]
    for name, ending in FORMATS.items():
        if suffix == ending:
            return name
    raise UsageError(
        f"the ending of {output!r} tells no format",
        cure=f"end it in {', '.join(FORMATS.values())}, or give --format",
    )


def _deliver(text: str, output: str | None) -> None:
    if output is None:
        result(text.rstrip("\n"))
        return
    with open(output, "w", encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else text + "\n")
    note(f"wrote {output}")

"""``chainrule``: the command line.

Results go to stdout, progress to stderr. Exit status: 0 done; 1 a check failed; 2 the command
could not be carried out as written (options, files, names, expressions, the user's own function).
"""

import argparse
import difflib
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from .. import __version__
from ..errors import ChainRuleError, CheckError, UsageError
from . import commands
from .console import RED, paint, results_only

DONE, FAILED, USAGE = 0, 1, 2
_COMMANDS = ("explain", "draw", "check", "demo")

_TARGET = """\
An input is taken from the first of these that has it:
  --at x=0.5,W=[[1,2],[3,4]]    numbers and bracketed arrays by name
  --input FILE.py               a module: its dict `inputs`, or its variables
  inputs = {...}                in the function's own file: a dict by parameter name, a tuple
                                in order, or a function that returns one of them
  the parameter's default
"""


class _Parser(argparse.ArgumentParser):
    """Reports mistakes as the library's own error, with the nearest option or command."""

    def error(self, message: str) -> NoReturn:
        known = _options_of(self)
        words = [w for w in message.split() if w.startswith("--")]
        cure = f"see: {self.prog} --help"
        if "invalid choice" in message and self.prog == "chainrule":
            said = message.split("'")[1]
            near = difflib.get_close_matches(said, _COMMANDS, n=1, cutoff=0.5)
            message = f"there is no command {said!r}"
            cure = f"did you mean {near[0]}?" if near else f"commands: {', '.join(_COMMANDS)}"
        elif "unrecognized arguments" in message and words:
            near = difflib.get_close_matches(words[0].split("=")[0], known, n=1, cutoff=0.5)
            if near:
                cure = f"did you mean {near[0]}?"
        raise UsageError(message, cure=cure)


def _options_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return the long options of a parser and of its commands."""
    found: list[str] = []
    for action in parser._actions:
        found += [s for s in action.option_strings if s.startswith("--")]
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                found += _options_of(sub)
    return found


def _example(name: str) -> str:
    return "example:\n  " + "\n  ".join(commands.EXAMPLES[name])


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="chainrule",
        description="Exact derivatives of NumPy programs, with the work shown.",
        epilog=_example("chainrule"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"chainrule {__version__}")
    _common(parser)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, words: str) -> argparse.ArgumentParser:
        return _command(subparsers, name, words)

    _explain_options(command("explain", "Print the derivation of a derivative, step by step"))
    draw = command("draw", "Draw the graph: values forward, gradients backward")
    draw.add_argument("-o", "--output", metavar="FILE.svg", required=False)
    check = command("check", "Compare the derivatives of a function with numerical ones")
    check.add_argument("--json", action="store_true", help="print the figures as JSON")
    check.add_argument("--seed", type=int, default=0, help="of the random directions")
    demo = command("demo", "Run the worked examples and train a network on real digits")
    demo.add_argument("--out", metavar="DIR", default="chainrule-report", help="report folder")
    demo.add_argument("--json", action="store_true", help="print the figures as JSON")
    demo.add_argument("--examples-only", action="store_true", help="leave out the training")
    return parser


def _command(subparsers: Any, name: str, words: str) -> argparse.ArgumentParser:
    """Add one command; all but the demo have a target and its inputs."""
    target = name != "demo"
    sub: argparse.ArgumentParser = subparsers.add_parser(
        name, help=words, description=words + ".", allow_abbrev=False,
        epilog=(_TARGET + "\n" if target else "") + _example(name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    if target:
        sub.add_argument("target", metavar="EXPR|FILE.py:function")
        sub.add_argument("--at", action="append", default=[], metavar="NAME=VALUE[,…]")
        sub.add_argument("--input", metavar="FILE.py", help="a module that holds the inputs")
        sub.add_argument(
            "--wrt", metavar="NAME[,…]", default="",
            help="differentiate these inputs only (default: every floating-point input)",
        )  # fmt: skip
    _common(sub, default=argparse.SUPPRESS)
    return sub


def _explain_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--mode", choices=("reverse", "forward", "both"), default="reverse")
    sub.add_argument("--detail", choices=("brief", "normal", "full"), default="normal")
    sub.add_argument("--format", choices=tuple(commands.FORMATS), help="default: text")
    sub.add_argument("--json", action="store_const", const="json", dest="format")
    sub.add_argument(
        "--entry", metavar="INDEX[,…]", type=_index,
        help="of an output that is an array, the entry to explain (default: the first)",
    )  # fmt: skip
    sub.add_argument(
        "-o", "--output", metavar="FILE",
        help="write to a file, whose ending tells the format: .txt .md .tex .json",
    )  # fmt: skip


def _index(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _common(parser: argparse.ArgumentParser, default: object = False) -> None:
    parser.add_argument(
        "--traceback", action="store_true", default=default, help="show where an error arose"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit status."""
    given = _minus_last(list(sys.argv[1:] if arguments is None else arguments))
    loud = "--traceback" in given
    try:
        options = build_parser().parse_args(given)
        if options.command is None:
            build_parser().print_help()
            return USAGE
        run: Callable[[argparse.Namespace], int] = getattr(commands, options.command)
        with np.errstate(all="ignore"), results_only(), _own_warnings():
            status = run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except SystemExit as stop:  # --help and --version
        return stop.code if isinstance(stop.code, int) else DONE
    except Exception as error:
        return _report(error, loud)


def _minus_last(given: list[str]) -> list[str]:
    """Put an expression that begins with a minus behind ``--``: it is no option."""
    if "--" in given:
        return given
    found = [k for k, a in enumerate(given) if k and _MINUS.match(a) and given[k - 1] != "-o"
             and not given[k - 1].startswith("--")]  # fmt: skip
    if len(found) != 1:
        return given
    (k,) = found
    return [*given[:k], *given[k + 1 :], "--", given[k]]


_MINUS = re.compile(r"-(?!-)(?![oqvh]\b)\s*[\w(.\[]")


@contextmanager
def _own_warnings() -> Iterator[None]:
    """Print our own warnings without a place: they name the user's, and the caller's is ours."""
    before = warnings.formatwarning

    def written(message: Any, category: Any, *rest: Any, **more: Any) -> str:
        own = category.__module__ == ChainRuleError.__module__
        return f"warning: {message}\n" if own else before(message, category, *rest, **more)

    warnings.formatwarning = written
    try:
        yield
    finally:
        warnings.formatwarning = before


def _report(error: Exception, loud: bool) -> int:
    """Print an error on one screen; anything not ours comes from the user's function."""
    if loud:
        traceback.print_exception(error)
    text = _own(error) if isinstance(error, ChainRuleError) else _foreign(error)
    head, _, rest = text.partition("\n")
    words = paint("error:", RED, sys.stderr)
    print(f"{words} {head}" + (f"\n{rest}" if rest else ""), file=sys.stderr)
    return FAILED if isinstance(error, CheckError) else USAGE


def _own(error: ChainRuleError) -> str:
    """Return the message; a place in the command line's own code tells a user nothing."""
    if os.path.dirname(__file__) + os.sep in error.where:
        error = type(error)(error.what, why=error.why, cure=error.cure)
    return str(error)


def _foreign(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'file'}: {error.strerror or error}"
    from ..tracing.source import inside, resolve

    trace, where = error.__traceback__, ""
    here = os.path.dirname(__file__)
    while trace is not None:
        frame = trace.tb_frame
        file = frame.f_code.co_filename
        if not inside[file] and not file.startswith(os.path.dirname(here)):
            found = resolve((frame.f_code, trace.tb_lasti))
            where = f"\n  where: {found}, in {frame.f_code.co_name}:  {found.text}" if found else ""
        trace = trace.tb_next
    cure = "\n  cure:  --traceback shows the calls that led there"
    return f"{type(error).__name__}: {error}{where}{cure}"


if __name__ == "__main__":
    sys.exit(main())

"""The line that gives a function a rule of its own, as the user would write it."""

import ast
import copy
from collections.abc import Iterator
from typing import Any

from .calls import Names, text_of


def rule_for(call: ast.Call, names: Names) -> str:
    """Write the line that gives the function of a call a rule, with the arguments it has there."""
    given = [*call.args, *(k.value for k in call.keywords)]
    if any(_is_function(a, names) for a in given):
        return _rule_with_callback(call, names)
    if any(_is_spread(a, names) for a in call.args):
        return _rule_of_elements(call, names)
    args = [a for a in call.args if type(a) is not ast.Starred]
    if len(args) < len(call.args) or not args:
        params, zeros = ["*xs"], ["…"]
    else:
        traced = [names.is_traced(a) for a in args]
        if not any(traced):
            traced = [True] * len(args)
        params = list(_parameters(args, {k.arg for k in call.keywords}))
        zeros = ["…" if t else "None" for t in traced]
    whole = ast.unparse(call.func)
    if names.part and params[0] != "*xs":  # a rule is for one array: the part is taken within
        kept = [ast.unparse(k) for k in call.keywords]
        given_names = ", ".join(params)
        whole = f"lambda {given_names}: {whole}({', '.join([given_names, *kept])}){names.part}"
        call = ast.Call(call.func, call.args, [])
    params += [f"{k.arg}" for k in call.keywords if k.arg]
    return _ruled(whole, params, zeros, call, names)


def _is_spread(node: Any, names: Names) -> bool:
    """Say whether an argument is a list of expressions, each of them one array, some traced."""
    inner = (ast.List, ast.Tuple, ast.Starred)
    display = type(node) in inner[:2] and not any(type(e) in inner for e in node.elts)
    return display and names.is_traced(node)


def _rule_of_elements(call: ast.Call, names: Names) -> str:
    """As `rule_for`, where an argument is a list: a rule takes each of its arrays by itself."""
    given: list[Any] = []
    for a in call.args:
        given += a.elts if _is_spread(a, names) else [a]
    params = list(_parameters(given, {k.arg for k in call.keywords}))
    left, inner = iter(map(ast.Name, params)), copy.deepcopy(call)
    inner.args = [
        type(b)([next(left) for _ in b.elts], ast.Load()) if _is_spread(a, names) else next(left)
        for a, b in zip(call.args, inner.args, strict=True)
    ]
    zeros = ["…" if names.is_traced(a) else "None" for a in given]
    whole = f"lambda {', '.join(params)}: {ast.unparse(inner)}{names.part}"
    return _ruled(whole, params, zeros, ast.Call(call.func, given, []), names)


def _ruled(whole: str, params: list[str], zeros: list[str], call: ast.Call, names: Names) -> str:
    body = zeros[0] if len(zeros) == 1 else f"({', '.join(zeros)})"
    out = "out" if any(k.arg == "y" for k in call.keywords) else "y"
    rule = f"vjp=lambda ct, {out}, {', '.join(params)}: {body}"
    shown = copy.copy(call)
    function = ast.parse(f"{names.library}.custom_rule(f, vjp=0)", mode="eval").body
    function.args = [ast.parse(whole, mode="eval").body]  # type: ignore[attr-defined]
    shown.func = function
    return text_of(shown).replace("vjp=0", rule, 1)


def _is_function(node: Any, names: Names) -> bool:
    return type(node) is ast.Lambda or callable(names.value(node))


def _rule_with_callback(call: ast.Call, names: Names) -> str:
    """As `rule_for`, where an argument is a function: a rule takes arrays only.

    The function stays where it is. Traced arguments, and traced names that it reads, are those of
    the rule.
    """
    inner = copy.deepcopy(call)
    params: dict[str, Any] = {}

    def moved(a: Any, k: int) -> Any:
        if type(a) is ast.Lambda:
            held = [n for n in ast.walk(a) if type(n) is ast.Name and names.is_traced(n)]
            params.update({n.id: n for n in held if n.id not in {p.arg for p in a.args.args}})
        elif names.is_traced(a):
            name = a.id if type(a) is ast.Name else f"x{k}"
            params[name] = a
            return ast.Name(name)
        return a

    inner.args = [moved(a, k) for k, a in enumerate(inner.args)]
    for k, word in enumerate(inner.keywords, len(inner.args)):
        word.value = moved(word.value, k)
    if not params:  # what a named function reads
        params = {"p": ast.Name("p")}
    whole = f"lambda {', '.join(params)}: {ast.unparse(inner)}{names.part}"
    outer = ast.Call(call.func, list(params.values()), [])
    given = [f"{p}_" if p in ("ct", "y") else p for p in params]
    return _ruled(whole, given, ["…"] * len(params), outer, names)


def _parameters(args: Any, taken: set[Any]) -> Iterator[str]:
    seen = {"ct", "y", *taken}
    for k, a in enumerate(args):
        name = a.id if type(a) is ast.Name else f"x{k}" if len(args) > 1 else "x"
        while name in seen:
            name += "_"
        seen.add(name)
        yield name

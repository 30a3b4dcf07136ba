"""To SymPy and back. The meaning of an operation is read off its record's `mp` expression."""

import re
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from ..core import registry
from .constants import PI, E, named
from .expr import App, Expr, Num, Sym, op_of, simplify
from .writer import word_of

_LARGEST, _HALVES = 10**6, 4  # larger fractions, and those of tenths, are read as decimals
_CALL = re.compile(r"^(\w+)\(x\)$")


class cbrt(sympy.Function):  # noqa: N801 - records and `_functions` know it by this name
    """The real cube root: SymPy's own is a power, which has no real number below 0."""

    is_extended_real = True

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Leave out the root of what is a cube as it stands."""
        return x if x in (-1, 0, 1) else None

    def _eval_power(self, n: Any) -> Any:
        whole = n.is_Integer and n % 3 == 0
        return self.args[0] ** (n // 3) if whole else None


@lru_cache(maxsize=1)
def _namespace() -> dict[str, Any]:
    space = {name: getattr(sympy, name) for name in dir(sympy) if not name.startswith("_")}
    return space | {
        "cbrt": cbrt, "fabs": sympy.Abs, "ceil": sympy.ceiling, "ln": sympy.log,
        "log1p": lambda x: sympy.log(1 + x),
        "expm1": lambda x: sympy.exp(x) - 1, "log10": lambda x: sympy.log(x, 10),
        "hypot": lambda x, y: sympy.sqrt(x**2 + y**2), "__builtins__": {},
        "radians": lambda x: x * sympy.pi / 180, "degrees": lambda x: x * 180 / sympy.pi,
        "sincpi": lambda x: sympy.sin(sympy.pi * x) / (sympy.pi * x),
    }  # fmt: skip


_CHOICES = frozenset(
    "greater less greater_equal less_equal equal not_equal logical_and logical_or logical_not "
    "where maximum minimum fmax fmin isnan isfinite attains max min sort argsort heaviside".split()
)


def to_sympy(e: Expr, made: dict[str, Any]) -> Any:
    """Translate a tree of scalars; raise NotImplementedError for what SymPy is not asked about."""
    if isinstance(e, Num):
        return {"π": sympy.pi, "e": sympy.E}.get(e.name) or _number(e.value)
    if isinstance(e, Sym):
        return made.setdefault(e.id, sympy.Symbol(f"s{len(made)}", real=True))
    args = [to_sympy(a, made) for a in e.args]
    if e.op == "gaussian":
        return sympy.exp(-_number(e.params["c"]) * args[0] ** 2)
    if e.op == "power_of":
        return args[0] ** _number(e.params["n"])
    try:
        meaning = op_of(e.op).mp
    except KeyError:
        meaning = ""
    if not meaning and e.op in _CHOICES:
        words = "the program chooses by its values, and a formula is of one piece"
        raise NotImplementedError(words)
    if not meaning:
        raise NotImplementedError(f"{word_of(e.op)} has no formula that SymPy is told")
    names = dict(zip("xyz", args, strict=False))
    try:
        return eval(meaning, dict(_namespace()), names)  # the record's own text, not the user's
    except (NameError, TypeError) as error:  # it is mpmath's, or Python's choice by a value
        raise NotImplementedError(f"{word_of(e.op)} has no formula that SymPy is told") from error


def _number(v: Any) -> Any:
    if np.iscomplexobj(v):
        raise NotImplementedError("SymPy is not asked about complex numbers")
    v = float(v)
    if not np.isfinite(v):
        raise NotImplementedError("the point is not finite")
    if v == int(v) and abs(v) < 1e15:
        return sympy.Integer(int(v))
    form = named(v)
    if isinstance(form, App):
        return to_sympy(form, {})
    return sympy.Rational(repr(v if form is None else form.value))  # type: ignore[union-attr]


_RECIPROCALS = {sympy.sech: sympy.cosh, sympy.csch: sympy.sinh, sympy.coth: sympy.tanh,
                sympy.sec: sympy.cos, sympy.csc: sympy.sin, sympy.cot: sympy.tan}  # fmt: skip


def tidy(tree: Expr, limit: int) -> Any:
    """Return the shortest of a few cheap rewritings, or in words why there is none."""
    made: dict[str, Any] = {}
    try:
        e = to_sympy(tree, made)
    except NotImplementedError as error:
        return str(error)
    for function, of in _RECIPROCALS.items():  # no library has the others
        e = e.replace(function, lambda u, of=of: 1 / of(u))
    forms = [sympy.factor_terms(e), sympy.factor_terms(sympy.powsimp(e)), e, sympy.powsimp(e)]
    if e.count_ops() <= limit // 4:
        if e.is_rational_function():
            top, bottom = sympy.fraction(sympy.cancel(e))
            forms += [top / bottom, top / sympy.factor(bottom)]
        else:
            forms += [sympy.expand_mul(e), sympy.factor(e)]
    best = min(forms, key=lambda f: int(f.count_ops()))
    if best.count_ops() > limit:
        return f"{int(best.count_ops()):,} operations as one expression"
    names = {symbol: id for id, symbol in made.items()}
    try:
        return from_sympy(best, names)
    except NotImplementedError as error:
        return str(error)


@lru_cache(maxsize=1)
def _functions() -> dict[str, str]:
    """Map SymPy's function names to operations, by reading the records backward."""
    found = {"Abs": "absolute", "sign": "sign", "floor": "floor", "ceiling": "ceil"}
    for op in registry.ops():
        match = _CALL.match(op.mp)
        if match and len(op.slots) == 1 and op.function is not None:
            found.setdefault(match.group(1), op.name)
    return found


def from_sympy(e: Any, names: dict[Any, str]) -> Expr:
    """Translate back."""
    if e.is_Symbol:
        return Sym(names[e])
    if e.is_Integer:
        return Num(int(e) if abs(e) < 2**53 else float(e))  # NumPy has no larger integers
    if e.is_Rational:
        return _decimal(e)
    if e is sympy.pi or e is sympy.E:
        return PI if e is sympy.pi else E
    if e.is_Float or e.is_NumberSymbol:
        return Num(float(e))
    if e.is_Add:
        return _sum([from_sympy(a, names) for a in e.as_ordered_terms()])
    if e.is_Mul:
        return _product(e, names)
    if e.is_Pow:
        return _power(e, names)
    name = _functions().get(type(e).__name__)
    if name is None:
        words = f"SymPy writes it with {type(e).__name__}, which has no operation"
        raise NotImplementedError(words)
    return App(name, tuple(from_sympy(a, names) for a in e.args))


def _decimal(e: Any) -> Expr:
    value = float(e)
    if not value or not np.isfinite(value):
        raise NotImplementedError("it holds a number beyond the range of floating point")
    if _plain(e) or (sympy.Rational(repr(value)) == e and len(repr(value)) <= 8):
        return Num(value)
    top = App("divide", (Num(abs(int(e.p))), Num(int(e.q))))
    return App("negative", (top,)) if e.p < 0 else top


def _plain(e: Any) -> bool:
    """Say whether a rational number is better read as a decimal: 2.21, or one of many digits."""
    if max(abs(e.p), e.q) > _LARGEST:
        return True
    return bool(e.q > _HALVES and sympy.Rational(repr(float(e))) == e)


def _sum(terms: list[Expr]) -> Expr:
    total = terms[0]
    for t in terms[1:]:
        total = App("add", (total, t))
    return total


def _product(e: Any, names: dict[Any, str]) -> Expr:
    coefficient, rest = e.as_coeff_Mul()
    if coefficient.is_Rational and not coefficient.is_Integer and _plain(coefficient):
        product = App("multiply", (Num(abs(float(coefficient))), from_sympy(rest, names)))
        return App("negative", (product,)) if coefficient < 0 else product
    top, bottom = sympy.fraction(e, exact=True)
    if bottom != 1:
        sign = -1 if top.could_extract_minus_sign() else 1
        quotient = App("divide", (from_sympy(top * sign, names), from_sympy(bottom, names)))
        return App("negative", (quotient,)) if sign < 0 else quotient
    coefficient, rest = e.as_coeff_Mul()
    negative = coefficient < 0
    factors = [from_sympy(f, names) for f in sympy.Mul.make_args(rest)]
    factors.sort(key=_rank)
    if abs(coefficient) != 1:
        factors.insert(0, from_sympy(abs(coefficient), names))
    product = factors[0]
    for f in factors[1:]:
        product = App("multiply", (product, f))
    return simplify(App("negative", (product,))) if negative else product


def _rank(e: Expr) -> int:
    if isinstance(e, App):
        return 2 if e.op in set(_functions().values()) else 1
    return 0


def _power(e: Any, names: dict[Any, str]) -> Expr:
    base, exponent = e.as_base_exp()
    if base is sympy.E:
        return App("exp", (from_sympy(exponent, names),))
    if exponent == sympy.Rational(1, 2):
        return App("sqrt", (from_sympy(base, names),))
    if exponent.is_negative:
        return App("divide", (Num(1), from_sympy(base ** (-exponent), names)))
    if exponent.is_Rational and exponent.is_number:
        n = int(exponent) if exponent.is_Integer else float(exponent.p) / float(exponent.q)
        return simplify(App("power_of", (from_sympy(base, names),), {"n": n}))
    return App("power", (from_sympy(base, names), from_sympy(exponent, names)))

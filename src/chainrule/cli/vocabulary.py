"""The words that an expression on the command line may use.

A function is found under its NumPy or SciPy name; only what stands here can ever be called.
"""

import difflib
import math
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

CONSTANTS: dict[str, float] = {
    "pi": math.pi, "π": math.pi, "e": math.e, "tau": math.tau, "inf": math.inf, "nan": math.nan,
}  # fmt: skip

_NUMPY = (
    "sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh sinc hypot "
    "exp exp2 expm1 log log2 log10 log1p logaddexp sqrt cbrt square reciprocal negative power "
    "abs absolute fabs sign floor ceil rint trunc heaviside deg2rad rad2deg degrees radians "
    "maximum minimum fmax fmin clip where max min sum prod mean std var cumsum cumprod diff "
    "dot vdot inner outer matmul trace transpose ravel flip roll sort diag tril triu cross "
    "isnan isfinite greater greater_equal less less_equal equal not_equal "
    "logical_and logical_or logical_not add subtract multiply divide"
).split()
_LINALG = "norm det inv solve slogdet".split()
_SPECIAL = (
    "expit logit erf erfc gammaln digamma logsumexp softmax log_softmax xlogy xlog1py log_ndtr "
    "ndtr entr gamma beta betaln"
).split()
_ALIASES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "asinh": "arcsinh",
    "acosh": "arccosh", "atanh": "arctanh", "pow": "power", "sigmoid": "expit",
}  # fmt: skip

_MODULES = dict.fromkeys(_NUMPY, "numpy")
_MODULES |= dict.fromkeys(_LINALG, "numpy.linalg") | dict.fromkeys(_SPECIAL, "scipy.special")

FUNCTIONS: frozenset[str] = frozenset(_MODULES) | frozenset(_ALIASES)
PREFIXES: frozenset[str] = frozenset(
    {"np", "numpy", "math", "special", "np.linalg", "numpy.linalg", "linalg", "scipy.special"}
)
KEYWORDS: frozenset[str] = frozenset({"axis", "keepdims", "ord", "ddof"})

_ELSEWHERE = {
    "ln": "log(x)", "lg": "log10(x)", "relu": "maximum(x, 0)", "softplus": "logaddexp(x, 0)",
    "round": "rint(x)", "fix": "trunc(x)", "sgn": "sign(x)", "int": "trunc(x)",
    "float": "x alone: it is a float", "average": "mean(x)",
    "cot": "1/tan(x)", "sec": "1/cos(x)", "csc": "1/sin(x)",
    "lgamma": "gammaln(x)", "factorial": "exp(gammaln(x + 1))", "gelu": "x * ndtr(x)",
}  # fmt: skip


@cache
def function(name: str) -> Callable[..., Any]:
    """Return the function that `name` stands for; its module is imported when first needed."""
    name = _ALIASES.get(name, name)
    found: Callable[..., Any] = getattr(import_module(_MODULES[name]), name)
    return found


def suggestion(name: str, among: frozenset[str] | tuple[str, ...] = FUNCTIONS) -> str:
    """Say what to write instead of an unknown `name`: empty when nothing is near."""
    if among is FUNCTIONS and name.lower() in _ELSEWHERE:
        return f"write {_ELSEWHERE[name.lower()]}"
    near = difflib.get_close_matches(name, sorted(among), n=3, cutoff=0.8 if len(name) < 4 else 0.6)
    if not near:
        return ""
    return "did you mean " + " or ".join(near) + "?"

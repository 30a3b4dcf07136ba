"""Random programs in which something fails for some values, with handlers of every kind."""

import random
import textwrap

NAMES = """
import contextlib, math, statistics, warnings
import numpy as np
from scipy import linalg, optimize
TABLE = np.array([0.5, -1.0, 2.0])
KEYS = {0: 1.5, 1: -0.5, 2: 2.5}
"""
RISKS = (  # an expression of the number t and the vector x, and the class that it may raise
    ("math.sqrt(t - 0.2)", "ValueError"), ("math.log(t)", "ValueError"),
    ("math.acos(t)", "ValueError"), ("math.atanh(t / 2)", "ValueError"),
    ("math.exp(900 * t) * 1e-9", "OverflowError"), ("math.pow(t, 0.3)", "ValueError"),
    ("math.log(t, 3) + math.fmod(t, 2)", "ValueError"), ("math.gamma(t)", "ValueError"),
    ("statistics.geometric_mean(x)", "statistics.StatisticsError"),
    ("np.linalg.cholesky(spd(x, t))[1, 1]", "np.linalg.LinAlgError"),
    ("np.linalg.inv(singular(x))[0, 1]", "np.linalg.LinAlgError"),
    ("np.linalg.solve(singular(x), x[:2]).sum()", "np.linalg.LinAlgError"),
    ("linalg.cholesky(spd(x, t), lower=True)[1, 0]", "np.linalg.LinAlgError"),
    ("linalg.inv(singular(x)).sum()", "np.linalg.LinAlgError"),
    ("x[np.argmax(x) + 1]", "IndexError"), ("np.take(x, np.argmin(x) + 1) * t", "IndexError"),
    ("x[(np.argmax(x) + 1,)] + x[(0, 1), ].sum()", "IndexError"),
    ("TABLE[int(3 * t)] * t", "IndexError"), ("KEYS[int(2 * t)] * t", "KeyError"),
    ("checked(t)", "ValueError"), ("asserted(t)", "AssertionError"),
    ("next(v for v in x if v > 0.6)", "StopIteration"),
    ("np.asarray_chkfinite(1 / cut(x)).sum()", "ValueError"),
    ("optimize.brentq(lambda z: z * z - t, 0, 1)", "ValueError"),
    ("strict(np.sqrt, t)", "FloatingPointError"), ("strict(np.log, x).sum()", "FloatingPointError"),
    ("strict(np.reciprocal, cut(t))", "FloatingPointError"),
    ("warned(np.sqrt, t)", "RuntimeWarning"), ("warned(np.log, x).sum()", "RuntimeWarning"),
)  # fmt: skip
HELPERS = """
def spd(x, t):
    return np.stack([np.stack([1.0 + t * t, x[0]]), np.stack([x[0], 0.5 + x[1]])])
def singular(x):
    return np.stack([np.stack([x[0], x[1]]), np.stack([cut(x[2]) * x[0], cut(x[2]) * x[1] * x[2]])])
def cut(x):
    return np.where(x < 0, 0.0, x)
def checked(t):
    if t < 0.4:
        raise ValueError("small")
    return t * t
def asserted(t):
    assert t > 0.3
    return 2 * t
def strict(f, t):
    with np.errstate(all="raise"):
        return f(t)
def warned(f, t):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return f(t)
"""
WRONG = ("ValueError", "ArithmeticError", "LookupError", "(TypeError, KeyError)")


def program(seed: int) -> str:
    """Write the source of a function `f` of a vector of three numbers."""
    rng = random.Random(seed)
    body = ["t = x[0]", "y = x[1] * x[2]"]
    for _ in range(rng.randint(1, 3)):
        body += rng.choice(_FORMS)(rng)
    body.append("return y + t")
    return NAMES + HELPERS + "def f(x):\n" + textwrap.indent("\n".join(body), "    ")


def _risk(rng: random.Random) -> tuple[str, str]:
    risk, kind = rng.choice(RISKS)
    handled = rng.choice((kind, kind, "Exception", f"(TypeError, {kind})", rng.choice(WRONG)))
    return risk, handled


def _plain(rng: random.Random) -> list[str]:
    risk, kind = _risk(rng)
    other = rng.choice(("t = 0.5 * t", "t = x.sum()", "t = 0.0", "pass"))
    return ["try:", f"    t = {risk}", f"except {kind}:", f"    {other}"]


def _whole(rng: random.Random) -> list[str]:
    risk, kind = _risk(rng)
    return [
        "n = 0", "try:", f"    y = y + {risk}", f"except {kind}:", "    n = 1", "else:",
         "    n = 2", "finally:", "    y = y * (n + 0.5)",
    ]  # fmt: skip


def _suppressed(rng: random.Random) -> list[str]:
    risk, kind = _risk(rng)
    return [f"with contextlib.suppress({kind}):", f"    t = {risk}", "    y = y + t"]


def _nested(rng: random.Random) -> list[str]:
    (risk, kind), (other, second) = _risk(rng), _risk(rng)
    return [
        "try:", "    try:", f"        t = {risk}", f"    except {kind} as error:",
        "        raise KeyError('again') from error", f"    y = y + {other}",
        "except KeyError:", "    y = y - 1.0", f"except {second}:", "    t = x[2]",
    ]  # fmt: skip


def _repeated(rng: random.Random) -> list[str]:
    risk, kind = _risk(rng)
    return [
        "for k in range(3):", "    try:", f"        y = y + {risk}", "        t = t - 0.3",
        f"    except {kind}:", f"        {rng.choice(('break', 'continue', 't = t + 0.7'))}",
    ]  # fmt: skip


def _generated(rng: random.Random) -> list[str]:
    risk, kind = _risk(rng)
    return [
        "def parts(t):", "    for k in range(2):", f"        yield {risk}", "        t = t - 0.5",
        "try:", "    for part in parts(t):", "        y = y + part", f"except {kind}:",
        "    y = 0.5 * y",
    ]  # fmt: skip


def _heard(rng: random.Random) -> list[str]:
    call = rng.choice(("np.sqrt(t)", "np.log(t)", "np.reciprocal(cut(t))"))
    return [
        "with warnings.catch_warnings(record=True) as found:",
        '    warnings.simplefilter("always")', f"    t = {call}", "if found:", "    t = x[1]",
    ]  # fmt: skip


_FORMS = (_plain, _plain, _plain, _whole, _suppressed, _nested, _repeated, _generated, _heard)

"""Partials that divide, as they are printed: the local derivative in one."""

import numpy as np

from .expr import App, Expr, Num, apply, is_one, simplify
from .record import Run


def as_product(e: Expr, run: Run) -> Expr:
    """Write (ȳ / u)·v, which the engine computes, as ȳ·(v / u): the local derivative in one."""
    if not isinstance(e, App):
        return e
    sign = e.op == "negative"
    inner = e.args[0] if sign else e
    factors = inner.args if isinstance(inner, App) and inner.op == "multiply" else (inner, Num(1.0))
    first, v = factors
    if not isinstance(first, App) or first.op != "divide":
        return e
    ct, u = first.args
    v = apply("negative", v) if sign else v
    less = v if is_one(u) else _lowered(v, u)
    if less is not None:
        slope = less
    elif is_one(v) and not isinstance(u, Num):
        slope = apply("divide", Num(1.0), u)  # the reciprocal of whole numbers is 0 to NumPy
    elif isinstance(u, Num) and isinstance(v, Num):
        slope = run.constant(np.divide(v.value, u.value))
    else:
        slope = apply("divide", v, u)
    return apply("multiply", ct, slope, shape=e.shape)


def _lowered(v: Expr, u: Expr) -> Expr | None:
    """Write c·uⁿ / u as c·uⁿ⁻¹; None where it is something else."""
    if not isinstance(v, App):
        return None
    if v.op in ("negative", "multiply"):
        less = _lowered(v.args[-1], u)
        return None if less is None else apply(v.op, *v.args[:-1], less, shape=v.shape)
    if v.op == "power_of" and v.args[0] == u:
        return simplify(App("power_of", v.args, {"n": v.params["n"] - 1}, v.shape))
    if v.op == "power" and v.args[0] == u:
        exponent = apply("subtract", v.args[1], Num(1))
        return App("power", (u, exponent), {}, v.shape)
    return None

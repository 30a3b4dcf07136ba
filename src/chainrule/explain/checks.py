"""The check of a gradient by differences: central, and by a complex step where it is allowed."""

from typing import Any

import numpy as np

from .expr import number_to_json

ALL = 24
SAMPLE = 12
TINY = 1e-30


def check(builder: Any) -> dict[str, Any]:
    """Compare entries of the gradient with differences of the function itself."""
    run = builder.run
    rows = []
    for position, node in enumerate(run.inputs if np.size(run.value) else ()):
        value = run.call.leaves[position]
        gradient = np.asarray(run.symbols["bar:" + run.symbol_of[node].id].value)
        for index in _entries(np.shape(value), position):
            rows.append(_central(builder, position, index, gradient[index]))
    step = _complex_steps(builder, rows)
    worst = max(rows, key=lambda r: r["error"] / r["scale"], default=None)
    entries = sum(int(np.size(x)) for x in run.call.leaves)
    passed = all(r["error"] <= r["bound"] for r in rows)
    if not passed and step.get("passed"):
        passed = True
    return {"rows": [_json(r) for r in rows[:ALL]], "tested": len(rows), "entries": entries,
            "worst": None if worst is None else _json(worst), "passed": bool(passed),
            "complex_step": step}  # fmt: skip


def _entries(shape: tuple[int, ...], seed: int) -> list[tuple[int, ...]]:
    n = int(np.prod(shape))
    if n <= ALL:
        chosen = np.arange(n)
    else:
        chosen = np.sort(np.random.default_rng(seed).choice(n, SAMPLE, replace=False))
    return [tuple(int(k) for k in np.unravel_index(i, shape)) for i in chosen]


def call(builder: Any, position: int, index: tuple[int, ...], moved: Any, kind: Any = None) -> Any:
    """Call the user's function with one entry of one input moved."""
    run = builder.run
    leaves = [x.copy() if isinstance(x, np.ndarray) else x for x in run.call.leaves]
    if kind is not None:
        leaves = [np.asarray(x).astype(kind)[()] for x in leaves]
    x = np.array(leaves[position])
    x[index] = moved
    leaves[position] = x[()]
    args = list(run.call.args)
    for k, part in zip(run.call.argnums, run.call.parts(leaves), strict=True):
        args[k] = part
    with np.errstate(all="ignore"):
        out = run.function(*args)
    out = np.asarray(out)
    return out[builder.entry or ()]


def _central(builder: Any, position: int, index: Any, found: Any) -> dict[str, Any]:
    x = np.asarray(builder.run.call.leaves[position])[index]
    eps = np.finfo(x.dtype).eps
    h = _power_of_two(eps ** (1 / 3) * max(1.0, abs(x)))
    up, down = (call(builder, position, index, x + s * h) for s in (1, -1))
    difference = (up - down) / (2 * h)
    if np.iscomplexobj(x):
        if not np.iscomplexobj(up):
            a, b = (call(builder, position, index, x + s * 1j * h) for s in (1, -1))
            difference = difference - 1j * (a - b) / (2 * h)
    elif np.iscomplexobj(difference):  # a real input has a real gradient: Re(ȳ J)
        difference = difference.real
    here = np.asarray(builder.run.value)[builder.entry or ()]
    scale = max(1.0, abs(found), abs(difference))
    noise = eps * max(abs(here), abs(up), 1.0) / h
    curve = abs(up - 2 * here + down) / h
    bound = float(30 * noise + 30 * h * h * scale + 1e-3 * abs(curve) + eps ** (2 / 3) * 30 * scale)
    both_nan = bool(np.isnan(found) and np.isnan(difference))
    error = 0.0 if both_nan or found == difference else float(abs(found - difference))
    return {"input": builder.run.symbol_of[builder.run.inputs[position]].id, "index": index,
            "h": float(h), "difference": difference, "found": found, "error": error,
            "bound": bound, "scale": float(scale)}  # fmt: skip


def _power_of_two(x: float) -> float:
    return float(2.0 ** np.round(np.log2(float(x))))


def _json(r: dict[str, Any]) -> dict[str, Any]:
    return {
        "input": r["input"],
        "index": list(r["index"]),
        "h": r["h"],
        "difference": number_to_json(r["difference"]),
        "found": number_to_json(r["found"]),
        "error": number_to_json(r["error"]),
        "passed": bool(r["error"] <= r["bound"]),
    }


def _complex_steps(builder: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Take Im f(x + ih)/h, exact to the last digits, where every operation is analytic."""
    run = builder.run
    if np.iscomplexobj(run.value) or any(np.iscomplexobj(x) for x in run.call.leaves):
        return {"used": False, "reason": "the function is complex already"}
    stuck = sorted({n.op.name for n in run.nodes if n in run.live and not n.op.complex
                    and n.op.name not in _COMPLEX_MOVES})  # fmt: skip
    if stuck:
        return {"used": False, "reason": f"{', '.join(stuck)} is not analytic in complex numbers"}
    values, worst = [], 0.0
    for r in rows:
        position = [run.symbol_of[n].id for n in run.inputs].index(r["input"])
        x = np.asarray(run.call.leaves[position])[r["index"]]
        try:
            out = call(builder, position, r["index"], complex(x, TINY), np.complex128)
        except Exception as error:  # the user's own code may refuse complex numbers
            return {"used": False, "reason": f"the function refuses complex numbers: {error}"}
        if not np.iscomplexobj(out):
            return {"used": False, "reason": "the function drops the imaginary part"}
        step = float(out.imag / TINY)
        error_ = abs(step - float(r["found"]))
        worst = max(worst, error_ / max(1.0, abs(step)) if error_ == error_ else 0.0)
        values.append(step)
    if not values:
        return {"used": False, "reason": "there is no entry to check"}
    eps = max(float(np.finfo(np.asarray(x).dtype).eps) for x in run.call.leaves)
    return {"used": True, "h": TINY, "values": [number_to_json(v) for v in values[:ALL]],
            "worst": worst, "passed": bool(worst <= 1e4 * eps)}  # fmt: skip


_COMPLEX_MOVES = frozenset(
    "reshape transpose broadcast_to getitem setitem concatenate copy sum matmul component "
    "power_of astype take scatter_add".split()
)

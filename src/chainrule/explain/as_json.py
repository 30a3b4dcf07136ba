"""Trees as JSON, and read again: with every bit of their numbers, and nothing that is no data."""

import math
import re
from contextvars import ContextVar
from typing import Any

import numpy as np

from .expr import App, Expr, Num, Sym

NAMES: ContextVar[dict[int, str]] = ContextVar("NAMES")  # of fixed maps: their symbols
NAMES.set({})


def to_json(e: Expr) -> Any:
    """Return the tree as plain lists and dicts, with full precision."""
    if isinstance(e, Num):
        told: dict[str, Any] = {"name": e.name} if e.name else {"rough": True} if e.rough else {}
        if isinstance(e.value, np.float32):  # as such it has the few digits that are shown
            told["single"] = True
        return {"num": number_to_json(e.value)} | told
    if isinstance(e, Sym):
        return {"sym": e.id, "shape": list(e.shape)}
    out: dict[str, Any] = {"op": e.op, "args": [to_json(a) for a in e.args]}
    if e.params:
        out["params"] = {k: param_to_json(v) for k, v in e.params.items()}
    out["shape"] = list(e.shape)
    return out


def from_json(data: Any) -> Expr:
    """Rebuild the tree that `to_json` wrote."""
    if "num" in data:
        value = number_from_json(data["num"])
        value = np.float32(value) if "single" in data else value
        return Num(value, (), data.get("name", ""), "rough" in data)
    if "sym" in data:
        return Sym(data["sym"], tuple(data["shape"]))
    return App(
        data["op"],
        tuple(from_json(a) for a in data["args"]),
        {k: param_from_json(v) for k, v in data.get("params", {}).items()},
        tuple(data["shape"]),
    )


def strict(v: Any) -> Any:
    """Make a document strict JSON: infinities and NaN become words, and no address is told."""
    if isinstance(v, dict):
        return {k: x if type(x) in _STRICT else strict(x) for k, x in v.items()}
    if isinstance(v, list | tuple):
        return [x if type(x) in _STRICT else strict(x) for x in v]
    if isinstance(v, str):
        return _ADDRESS.sub("", v) if " at 0x" in v else v
    return str(v) if isinstance(v, float) and not math.isfinite(v) else v


_STRICT = (int, bool, type(None))
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def called(v: Any) -> str:
    """Return what an object is called: by its own name, or the name of its class."""
    name = getattr(v, "__name__", getattr(getattr(v, "dist", None), "name", None))
    if isinstance(name, str):
        return name
    text = str(v)
    return type(v).__name__ if " at 0x" in text or text.startswith("<") else text


def number_to_json(v: Any) -> Any:
    """Write a number so that JSON keeps every bit of it."""
    if v is None or isinstance(v, str):
        return v
    if isinstance(v, bool | np.bool_):
        return bool(v)
    if isinstance(v, int | np.integer):
        return int(v)
    if isinstance(v, complex | np.complexfloating):
        return {"re": number_to_json(v.real), "im": number_to_json(v.imag)}
    v = float(v)
    return v if np.isfinite(v) else str(v)


def number_from_json(v: Any) -> Any:
    """Read a number that `number_to_json` wrote."""
    if isinstance(v, dict):
        return complex(number_from_json(v["re"]), number_from_json(v["im"]))
    return float(v) if isinstance(v, str) else v


def param_to_json(v: Any) -> Any:
    """Write a parameter of an operation: axes, shapes, indices, dtypes."""
    if v is None or isinstance(v, str):
        return v
    if isinstance(v, bool | int | float | complex | np.number | np.bool_):
        return number_to_json(v) if not isinstance(v, str) else v
    if isinstance(v, tuple | list):
        return {"tuple": [param_to_json(x) for x in v]}
    if isinstance(v, slice):
        return {"slice": [param_to_json(x) for x in (v.start, v.stop, v.step)]}
    if v is Ellipsis:
        return {"ellipsis": True}
    if isinstance(v, np.dtype):
        return {"dtype": str(v)}
    if type(v).__name__ == "Hole":
        return {"hole": True}
    if (name := NAMES.get().get(id(getattr(v, "origin", None)))) is not None:
        return {"repr": called(v), "operator": name, "turned": bool(v.transposed)}
    shapes = getattr(v, "shapes", ()) if hasattr(v, "dist") else ()  # of a distribution, held fast
    return {"repr": called(v)} | ({"shapes": [f"{float(s):g}" if np.ndim(s) == 0 else called(s)
                                              for s in shapes]} if shapes else {})  # fmt: skip


def param_from_json(v: Any) -> Any:
    """Read a parameter that `param_to_json` wrote."""
    if not isinstance(v, dict):
        return v
    if "tuple" in v:
        return tuple(param_from_json(x) for x in v["tuple"])
    if "slice" in v:
        return slice(*(param_from_json(x) for x in v["slice"]))
    if "ellipsis" in v:
        return Ellipsis
    if "dtype" in v:
        return np.dtype(v["dtype"])
    if "hole" in v:
        from ..ops.numpy.index import HOLE

        return HOLE
    return number_from_json(v) if "re" in v else v

"""How values are shown: six significant digits, and ≈ exactly where digits were left out."""

from functools import lru_cache
from typing import Any

import numpy as np

from .as_json import number_to_json

DIGITS = 6
CORNER = 3
FULL_VECTOR = 6
FULL_DATA = 64


def short(v: Any, digits: int = DIGITS) -> tuple[str, bool]:
    """Return a real number in plain characters, and whether it was rounded."""
    if v is None or isinstance(v, bool | np.bool_ | str):
        return str(v), False
    if isinstance(v, int | np.integer) and abs(int(v)) < 10**12:
        return str(int(v)), False
    kind = type(v) if isinstance(v, np.floating) else float
    v = kind(v)
    if np.isnan(v):
        return "nan", False
    if np.isinf(v):
        return "inf" if v > 0 else "-inf", False
    if v == 0:
        return "0", False
    text = format(float(v), f".{digits}g")
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text, bool(kind(text) != v)


def value_to_json(v: Any) -> dict[str, Any]:
    """Describe a value: a number in full, an array by its corner and its statistics."""
    a = np.asarray(v)
    if a.ndim == 0:
        return {"scalar": number_to_json(a[()]), "dtype": dtype_name(a.dtype)}
    out: dict[str, Any] = {"shape": list(a.shape), "dtype": dtype_name(a.dtype)}
    corner = a[tuple(slice(0, FULL_VECTOR if a.ndim == 1 else CORNER) for _ in a.shape)]
    out["corner"] = _nested(corner)
    out["rounded"] = any(rounded(x) for x in corner.ravel())
    if a.size <= FULL_DATA:
        out["data"] = _nested(a)
    if a.size and a.dtype.kind in "fiubc":
        real = a[np.isfinite(a)] * 1.0
        out["finite"] = bool(real.size == a.size)
        if real.size:
            if a.dtype.kind != "c":
                out["min"], out["max"] = (number_to_json(x) for x in (real.min(), real.max()))
            size = np.abs(real).astype(np.float64)
            top = size.max()
            unit = top if top > 0 and not 1e-100 < top < 1e100 else 1.0  # squares stay numbers
            out["rms"] = number_to_json(unit * np.sqrt(np.mean(np.square(size / unit))))
    return out


@lru_cache(maxsize=256)
def dtype_name(dtype: Any) -> str:
    """Return the name of a dtype, which NumPy takes long to say."""
    return str(dtype)


def rounded(v: Any) -> bool:
    """Say whether a number loses digits when it is shown."""
    if isinstance(v, complex | np.complexfloating):
        return short(v.real)[1] or short(v.imag)[1]
    return short(v)[1]


def _nested(a: Any) -> Any:
    if a.ndim == 0:
        return number_to_json(a[()])
    return [_nested(row) for row in a]


def shape_text(shape: Any, times: str = "×") -> str:
    """Write a shape as (3×2); a scalar has none."""
    return "(" + times.join(str(n) for n in shape) + ")" if len(shape) else "()"

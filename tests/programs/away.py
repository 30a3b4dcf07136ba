"""An array class as CuPy's is: it answers NumPy's protocols, and never becomes a plain array."""

import numbers
from typing import Any

import numpy as np


def _bare(value: Any) -> Any:
    if isinstance(value, Away):
        return value.data
    if isinstance(value, list | tuple):
        return type(value)(map(_bare, value))
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError("unsupported type <class 'numpy.ndarray'>")
    return value


def _away(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(map(_away, value))
    return Away(value) if isinstance(value, np.ndarray | np.generic) else value


_HOST = (np.shape, np.ndim, np.result_type)  # their results are no arrays
_MISSING = (np.diagonal,)


class Away(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that is elsewhere: reductions give 0-d arrays, and plain arrays are not mixed in."""

    def __init__(self, data: Any) -> None:
        self.data = np.asarray(data)

    shape = property(lambda self: self.data.shape)
    dtype = property(lambda self: self.data.dtype)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    flags = property(lambda self: self.data.flags)
    T = property(lambda self: Away(self.data.T))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("implicit conversion to a NumPy array is not allowed")

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        known = (Away, np.ndarray, numbers.Number, np.generic)
        out = kwargs.pop("out", ())
        if not all(issubclass(type(a), known) for a in (*args, *out)):
            return NotImplemented
        result = getattr(ufunc, method)(*map(_bare, args), **kwargs)
        if out:
            out[0].data[...] = result
            return out[0]
        return _away(result)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not all(issubclass(t, Away | np.ndarray) for t in types) or function in _MISSING:
            return NotImplemented
        result = function(*map(_bare, args), **{k: _bare(v) for k, v in kwargs.items()})
        return result if function in _HOST else _away(result)

    def __getitem__(self, index: Any) -> Any:
        return Away(self.data[_bare(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.data[_bare(index)] = _bare(value)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def astype(self, dtype: Any) -> "Away":
        return Away(self.data.astype(dtype))

    def copy(self) -> "Away":
        return Away(self.data.copy())

    def get(self) -> Any:
        """Return a plain copy, as CuPy's arrays do when they are asked."""
        return self.data.copy()

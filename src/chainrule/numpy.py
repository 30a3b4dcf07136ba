"""NumPy's namespace, for programs that prefer an import to interposition.

``import chainrule.numpy as np`` gives every public name of NumPy. Those which its protocols do
not reach (`zeros`, `array`, `asarray`, `float64`, … and functions that are given lists of traced
values) are the same doors that a traced program meets otherwise; outside a traced function they
compute what NumPy computes. Anything else is NumPy's own object.

>>> import chainrule, chainrule.numpy as np
>>> def f(x):
...     rows = np.zeros((2, 2))
...     rows[0] = np.array([x, 2 * x])
...     return np.sum(rows)
>>> float(chainrule.grad(f)(1.0))
3.0
"""

from typing import Any

import numpy as _numpy

from .tracing.names import namespace as _namespace

_own = ("__name__", "__doc__", "__package__", "__loader__", "__spec__", "__path__", "__file__")
globals().update({k: v for k, v in _namespace(_numpy).items() if k not in _own and k[:2] != "__"})
__all__ = list(_numpy.__all__)


def __getattr__(name: str) -> Any:
    return getattr(_numpy, name)


def __dir__() -> list[str]:
    return dir(_numpy)

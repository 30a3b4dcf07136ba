"""Law: on arrays of another library a function gives what it gives on NumPy's, or it is refused.

It never computes a lazy array by itself, and never mistakes another library's namesake for NumPy's.
"""

from collections.abc import Callable
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from dask.callbacks import Callback

import chainrule as cr
from chainrule.errors import ChainRuleError
from chainrule.testing.samples import cases
from tests.programs.away import Away

from .registry import QUIET
from .registry import RECORDS as EVERY

pytestmark = QUIET
RECORDS = [
    record for record in EVERY
    if isinstance(record.function, np.ufunc)
    or (getattr(record.function, "__module__", None) or "").startswith("numpy")
]  # fmt: skip
OF_DASK = (ValueError, IndexError)  # of its chunks and shapes, in Dask's own words


class Executions(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def _start(self, dsk: Any) -> None:
        self.count += 1


def whole(x: Any) -> Any:
    x = np.asarray(x)
    return da.from_array(x, chunks=x.shape)


def away(x: Any) -> Any:
    return Away(np.array(x))


def plain(x: Any) -> Any:
    return x.compute() if isinstance(x, da.Array) else x.get() if isinstance(x, Away) else x


def pulled(case: Any, convert: Callable[[Any], Any]) -> tuple[Any, Any]:
    out, pullback = cr.vjp(lambda *xs: tuple(case(*xs)), *map(convert, case.xs))
    cotangents = [np.cos(1.0 + np.arange(o.size)).reshape(o.shape) for o in out]
    cts = tuple(convert(ct.astype(o.dtype)[()]) for ct, o in zip(cotangents, out, strict=True))
    return out, pullback(cts)


@pytest.mark.parametrize("convert", [whole, away])
@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)
def test_right_or_refused(record: Any, convert: Any) -> None:
    for case in list(cases(record))[:3]:
        with np.errstate(all="ignore"):
            expected = pulled(case, lambda x: x)
            with dask.config.set(scheduler="synchronous"), Executions() as executions:
                try:
                    found = pulled(case, convert)
                except (ChainRuleError, *OF_DASK):
                    continue
                finally:
                    assert executions.count == 0
                for side, wanted in zip(found, expected, strict=True):
                    for a, b in zip(side, wanted, strict=True):
                        np.testing.assert_allclose(plain(a), b, rtol=1e-9, atol=1e-9)

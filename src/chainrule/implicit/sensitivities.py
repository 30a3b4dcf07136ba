"""Forward sensitivities of `odeint` and LSODA, whose steps nobody sees.

S = ∂y/∂(y₀, p) satisfies S′ = ∂f/∂y·S + [0, ∂f/∂p], S(t₀) = [1, 0]. The solver takes y and S
together, S in units of the parameters' sizes, to a tenth of the tolerance that the program asked
for. The values stay those of the plain solution. It is done where that is a small system; else the
derivative is that of a companion (see `ivp`).

References: A. C. Hindmarsh et al., SUNDIALS, ACM TOMS 31 (2005) 363–396, §2.5 (units, tolerances).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate

from ..core.settings import Silence
from ..tracing.tracer import apply, concrete, muted
from .answers import is_traced, vector
from .callbacks import Callback, LeftError
from .multistep import solution

_MOST = 120  # unknowns, y and S together


def along(f: Callback, y0: Any, y: Any, times: Any, rtol: float, atol: Any) -> Any:
    """Return the plain solution `y`, of shape (times, n), with its derivatives, and that found.

    None where the system is large, or cannot be solved.
    """
    y0 = np.atleast_1d(vector(y0))
    start = np.asarray(concrete(y0), dtype=float)
    n, k = start.size, start.size if is_traced(y0) else 0
    m = k + f.count
    if not m or n * (1 + m) > _MOST or len(times) < 2:
        return None
    units = np.concatenate([np.abs(start[:k]), np.abs(f.plain)])
    units[units == 0] = 1.0
    S = np.zeros((n, m))
    S[:, :k] = np.diag(units[:k]) if k else 0.0
    finer = 0.1 / np.sqrt(1 + m)  # the norm of an error is a mean over y and all of S
    atol = np.broadcast_to(np.asarray(atol, dtype=float), n) * finer
    try:
        with muted(), Silence():
            found, told = integrate.odeint(
                _slope(f, n, m, k, units), np.concatenate([start, S.ravel()]), times, tfirst=True,
                rtol=rtol * finer, atol=np.concatenate([atol, np.repeat(atol, m)]),
                full_output=True, mxstep=100_000,
            )  # fmt: skip
    except LeftError:
        return None
    if told["message"] != "Integration successful." or not np.all(np.isfinite(found)):
        return None
    maps = found[:, n:].reshape(-1, m) / units
    flat = apply(
        solution, (y0, f.p), {"value": np.ravel(y).copy(), "maps": (maps[:, :k], maps[:, k:])}
    )
    return np.reshape(flat, np.shape(y)), found[:, :n]


def _slope(f: Callback, n: int, m: int, k: int, units: Any) -> Callable[..., Any]:
    def slope(t: float, z: Any) -> Any:
        value, *found = f.slopes(t, z[:n])
        S = found[0] @ z[n:].reshape(n, m)
        if f.count:
            S[:, k:] += found[1] * units[k:]
        return np.concatenate([value, S.ravel()])

    return slope

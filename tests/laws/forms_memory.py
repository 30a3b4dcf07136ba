"""What functions of the program give, put together by NumPy and SciPy, as it lies in memory."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy import integrate, ndimage

from chainrule.core.op import Composite, Sample


def matrices_of_programs(x: Any, c: Any) -> Any:
    square = np.vectorize(lambda v: v * v)
    y0 = np.stack([x[0, 0], x[1, 1]])
    return (
        square(x), square(x.T), np.vectorize(lambda v, w: (v * w, v))(x, c),
        np.vectorize(lambda v, w: v * w, excluded=[1])(x.T, c),
        np.vectorize(lambda v, w: v * w)(x.T, x.T[0]),
        integrate.quad_vec(lambda t: t * x.T.copy("K"), 0, 1)[0],
        integrate.quad_vec(lambda t: np.maximum(t, 0.3) * x, 0, 1)[0],
        *(solution for method in ("RK45", "Radau", "LSODA") for solution in solved(y0, c, method)),
        sp.csr_matrix(x).toarray("F"), sp.csc_array(x).toarray(), sp.coo_array(x).toarray("F"),
        ndimage.generic_filter1d(x, moving, 2, axis=0),
    )  # fmt: skip


def moving(line: Any, out: Any) -> None:
    out[:] = line[:-1] * line[1:]


def solved(y0: Any, c: Any, method: str) -> Any:
    found = integrate.solve_ivp(
        lambda t, y: -y * c, (0, 0.2), y0, method, [0.0, 0.1, 0.2], True, max_step=0.1
    )
    return found.y, found.y[:, -1], found.sol(np.array([0.05, 0.1]))


# one of its own: the other laws know each of its functions
OF_PROGRAMS = Composite(
    "matrices_of_programs", matrices_of_programs, matrices_of_programs, (Sample(((2, 3), ())),)
)

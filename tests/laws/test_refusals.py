"""Law: what has no derivative rule is refused loudly, and nothing else is.

The tables say what is refused: an argument that silently loses its rule, or a second derivative
that is refused where it was computed before, is noticed here.
"""

import numpy as np
import pytest

from chainrule.core.op import Op
from chainrule.core.slots import Jvp, Partial
from chainrule.errors import UnsupportedFunctionError
from chainrule.testing import first, higher
from chainrule.testing.samples import Record

from .registry import OPS, QUIET, RECORDS, calls

pytestmark = QUIET

# op -> positions of the arguments that have no rule
ARGUMENTS: dict[str, tuple[int, ...]] = {
    name: positions
    for positions, names in (
        # the order or degree of a function, which may be real
        ((0,), "jv yv iv jve yve ive hankel1 hankel2 hankel1e hankel2e scaled_bessel_derivative "
               "struve modstruve pbdv pbvv pbwa hyp0f1 eval_legendre eval_sh_legendre eval_chebyt "
               "eval_chebyu eval_chebyc eval_chebys eval_sh_chebyt eval_sh_chebyu eval_laguerre"),
        ((0, 1), "hyp1f1 hyperu wright_bessel log_wright_bessel eval_gegenbauer eval_genlaguerre"),
        ((0, 1, 2), "hyp2f1 eval_jacobi eval_sh_jacobi"),
        ((1, 2), "besselpoly"),
        ((1,), "chndtr chndtrix chndtrinc ncx2_density"),
        # whole numbers, and what stands beside them
        ((0,), "yn kn spherical_jn spherical_yn spherical_in spherical_kn polygamma expn "
               "mathieu_a mathieu_b smirnov smirnovi"),
        ((1,), "diric diric_derivative bdtr bdtrc bdtri lambertw"),
        ((0, 1), "nbdtr nbdtrc nbdtri lpmv mathieu_cem mathieu_sem mathieu_modcem1 "
                 "mathieu_modcem2 mathieu_modsem1 mathieu_modsem2 pro_cv obl_cv"),
        ((0, 1, 2), "pro_ang1 pro_rad1 obl_ang1 obl_rad1"),
        # derivatives that are integrals, without a further one
        ((0,), "zeta_in_x kolmogorov_slope"),
        ((0, 1), "mathieu_a_slope mathieu_b_slope smirnov_slope"),
        ((0, 1, 2), "pro_cv_slope obl_cv_slope"),
    )
    for name in names.split()
}  # fmt: skip

# records of which a second derivative, in what the samples draw, is an integral without a rule
SECOND = set(
    "zetac mathieu_a mathieu_b pro_cv obl_cv kolmogorov kolmogi smirnov smirnovi".split()
)


def refusing(op: Op) -> tuple[int, ...]:
    """Return the arguments whose rule does nothing but raise."""
    return tuple(k for k in range(len(op.slots)) if _raises(op, k))


def _raises(op: Op, k: int) -> bool:
    slot = op.slots[k]
    if not isinstance(slot, Partial | Jvp) or not callable(slot.rule):
        return False
    try:
        slot.rule(*[np.float64(0.5)] * (len(op.slots) + 1 + isinstance(slot, Jvp)))
    except UnsupportedFunctionError as error:
        return error.__cause__ is None  # a computation that failed is no missing rule
    except Exception:
        return False
    return False


@pytest.mark.parametrize(
    ("op", "position"),
    [(op, k) for op in OPS for k in ARGUMENTS.get(op.name, ())],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_an_argument_without_a_rule_is_refused(op: Op, position: int) -> None:
    first.refuses(op, position)


def test_the_table_of_arguments_is_complete() -> None:
    assert {op.name: refusing(op) for op in OPS if refusing(op)} == ARGUMENTS


def _second(record: Record) -> bool:
    return any(higher.refused(case, 2) for case in calls(record))


def test_second_derivatives_are_refused_where_the_table_says_so() -> None:
    by_name = {record.name: record for record in RECORDS}
    assert all(_second(by_name[name]) for name in SECOND)


@pytest.mark.parametrize(
    "record", [r for r in RECORDS if getattr(r.function, "__module__", None) is None
               or isinstance(r.function, np.ufunc)], ids=lambda r: r.name,
)  # fmt: skip
def test_no_other_second_derivative_is_refused(record: Record) -> None:
    assert record.name in SECOND or not _second(record)

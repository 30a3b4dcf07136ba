"""Law: a shortcut equals the rule that it abbreviates."""

from typing import Any

import numpy as np
import pytest

from chainrule.core import registry
from chainrule.core.op import Op
from chainrule.core.slots import Jvp
from chainrule.modes.reverse import _quick_pulls, pulls
from chainrule.tracing.recording import Recording

registry.load_all()
WITH_SHORTCUT = [
    op for op in registry.ops() if any(isinstance(s, Jvp) and s.shortcut for s in op.slots)
]


@pytest.mark.parametrize("op", WITH_SHORTCUT, ids=lambda op: op.name)
def test_shortcut_equals_derived(op: Op) -> None:
    rng = np.random.default_rng(1)
    for x in (rng.standard_normal((2, 3, 4)), np.array([[[1.0, 2.0, 2.0, 1.0]] * 3] * 2)):
        for params in ({"axis": (1,), "keepdims": True}, {"axis": (0, 2), "keepdims": False}):
            _compare(op, x, params, rng)


def _compare(op: Op, x: Any, params: Any, rng: Any) -> None:
    rec = Recording(keep=True)
    node = op(rec.input(x), **params).node
    ct = rng.standard_normal(node.shape)
    (derived,), (quick,) = pulls(node), _quick_pulls(node)
    np.testing.assert_array_max_ulp(derived[1](ct, node), quick[1](ct, node), maxulp=1)


def test_some_op_has_a_shortcut() -> None:
    assert WITH_SHORTCUT

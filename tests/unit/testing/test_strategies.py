import numpy as np
from hypothesis import given

from chainrule.core.registry import op_named
from chainrule.testing import first, strategies


@given(strategies.broadcastable(3))
def test_the_shapes_broadcast(shapes):
    np.broadcast_shapes(*shapes)


@given(strategies.arrays(strategies.shapes(), (0.0, 1.0), kinks=(0.5,)))
def test_the_values_are_inside_and_off_the_kink(a):
    assert ((a > 0) & (a < 1) & (abs(a - 0.5) >= 0.1)).all()


@given(strategies.calls(op_named("multiply")))
def test_a_drawn_call_obeys_the_laws(case):
    first.value(case)
    first.forward(case)
    first.reverse(case)


@given(strategies.broadcastable(2).flatmap(
    lambda s: strategies.arrays(s[0]).flatmap(
        lambda a: strategies.arrays(s[1]).map(lambda b: (a, b))
    )
))  # fmt: skip
def test_arithmetic_over_all_broadcastable_shapes(pair):
    from chainrule.testing.samples import Case, Place

    a, b = pair
    for function in (np.multiply, np.subtract, np.arctan2):
        case = Case(function.__name__, function, (Place(0), Place(1)), {}, (a, b))
        first.value(case)
        first.reverse(case)
        first.each_alone(case)

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import CheckError, StructureError
from chainrule.testing import check_grads, check_op

cube_wrong = cr.custom_rule(lambda x: x**3, partial=lambda y, x: 2 * x**2, check=False)


def right_first_wrong_second(x):
    """x³ whose first derivative is right and whose second is not."""
    slope = cr.custom_rule(lambda x: 3 * x**2, partial=lambda y, x: 5 * x, check=False)
    return cr.custom_rule(lambda x: x**3, partial=lambda y, x: slope(x), check=False)(x)


def test_right_functions_pass():
    check_grads(lambda x: np.sum(np.sin(x) ** 2), (np.array([0.5, 1.0]),), order=3)
    check_grads(lambda z: z * np.exp(z), (np.array([1 + 2j, 3 - 1j]),))
    check_grads(lambda z: np.abs(z) ** 2, (1.5 + 2j,))
    check_grads(lambda p: {"a": p["x"] * p["y"], "n": 3}, ({"x": 2.0, "y": np.ones(2)},))
    check_grads(lambda x: np.sum(x), (np.zeros((0, 2)),))
    assert cr.check_grads is check_grads


def test_float32_is_compared_with_differences_in_double_precision():
    check_grads(lambda x: np.sum(np.exp(x) * x), (np.array([0.5, 1.0], np.float32),))


def test_small_and_large_inputs_find_their_step():
    check_grads(lambda x: np.sum(np.log(x)), (np.array([1e-3, 2e-3]),), order=1)
    check_grads(lambda x: np.sum(np.sqrt(x)), (np.array([1e6, 3e6]),))


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_a_wrong_rule_is_found_with_its_place_and_both_numbers(mode):
    def f(p):
        y = cube_wrong(p["x"][0])
        return np.sum(np.sin(p["b"]) * 2 + y)

    args = ({"x": [np.array([1.0, 3.0])], "b": 0.5},)
    with pytest.raises(CheckError) as caught:
        check_grads(f, args, modes=mode)
    error = caught.value
    assert ("forward" if mode == "fwd" else "reverse") in error.what
    assert error.where == "entry args[0]['x'][0][1]"
    assert "derivative 18, differences 27" in error.why
    assert "test_gradcheck.py" in error.why
    assert 'cube_wrong(p["x"][0])' in error.why


@pytest.mark.filterwarnings("ignore:the partial of:chainrule.errors.CustomRuleWarning")
def test_a_wrong_rule_of_second_order_is_found_at_order_two():
    check_grads(right_first_wrong_second, (2.0,), order=1)
    with pytest.raises(CheckError, match="at order 2"):
        check_grads(right_first_wrong_second, (2.0,))


def test_a_wrong_element_of_a_vector_function_is_named():
    def f(x):
        return np.stack([x[0] * x[1], cube_wrong(x[2])])

    with pytest.raises(CheckError, match=r"entry args\[0\]\[2\]"):
        check_grads(f, (np.array([1.0, 2.0, 3.0]),), modes="fwd")


def test_a_vjp_rule_and_a_joint_rule_at_fault_are_named():
    def vjp(ct, out, x, y):
        return ct * y, ct * y

    wrong = cr.custom_rule(lambda x, y: x * y, vjp=vjp, check=False)
    with pytest.raises(CheckError, match="is at fault"):
        check_grads(lambda x, y: wrong(x, y) ** 2, (2.0, 3.0))


def test_a_kink_is_told_apart_from_a_wrong_rule():
    with pytest.raises(CheckError, match="kink or jump"):
        check_grads(lambda x: np.where(x > 0, x, 0.0), (0.0,))


def test_a_function_that_is_not_one_is_told_apart():
    rng = np.random.default_rng(0)
    with pytest.raises(CheckError, match="random numbers"):
        check_grads(lambda x: x * rng.uniform(), (1.0,))


def test_what_is_not_finite_cannot_be_compared():
    with pytest.raises(CheckError, match="not finite"):
        check_grads(lambda x: x * np.inf, (1.0,))


def test_tolerances_are_the_users():
    f = cr.custom_rule(np.sin, partial=lambda y, x: np.cos(x) + 1e-3, check=False)
    check_grads(f, (1.0,), order=1, atol=1e-2, rtol=0.0)
    with pytest.raises(CheckError):
        check_grads(f, (1.0,), order=1, atol=1e-4, rtol=0.0)


@pytest.mark.parametrize("modes", ["forward", (), ("fwd", "back")])
def test_unknown_modes(modes):
    with pytest.raises(StructureError, match="modes"):
        check_grads(np.sin, (1.0,), modes=modes)


def test_arguments_must_be_a_tuple():
    with pytest.raises(StructureError, match="tuple"):
        check_grads(np.sin, np.ones(2))


def test_check_op_counts_its_calls_and_finds_a_wrong_rule():
    from chainrule.core.op import Op, sample
    from chainrule.core.slots import Partial

    good = Op("cubed", lambda x: x**3, (Partial(lambda _y, x: 3 * x * x),), samples=(sample((2,)),))
    bad = Op("cubed", lambda x: x**3, (Partial(lambda _y, x: 2 * x * x),), samples=(sample((2,)),))
    loose = Op("cubed", lambda x: x**3, (Partial(lambda y, x: 3 * x * x),), samples=(sample((2,)),))
    assert check_op(good) == 3
    with pytest.raises(CheckError, match="forward mode = differences"):
        check_op(bad)
    with pytest.raises(CheckError, match="without _ is read"):
        check_op(loose)

import math

import numpy as np
import pytest

from chainrule.numeric import complex_step, differences, directional, inner


def test_differences_reach_ten_digits_and_say_how_far_off_they_are():
    value, error = differences(lambda h: np.array([math.exp(1 + h), math.sin(h)]))
    assert np.allclose(value, [math.e, 1.0], rtol=1e-11)
    assert (error < 1e-9).all()
    assert (abs(value - [math.e, 1.0]) <= 20 * error + 1e-13).all()


def test_steps_out_of_the_domain_are_passed_over():
    f = lambda h: np.log(np.array([0.01 + h]))  # noqa: E731
    assert np.allclose(differences(f)[0], 100.0, rtol=1e-8)


def test_steps_across_a_kink_are_taken_again_with_smaller_ones():
    f = lambda h: np.array([abs(0.001 + h)])  # noqa: E731
    value, error = differences(f)
    assert abs(value[0] - 1.0) < 1e-9
    assert error[0] < 1e-6


def test_at_a_kink_the_error_estimate_is_no_small_number():
    step = lambda h: np.array([float(h > 0)])  # noqa: E731
    assert not differences(step)[1][0] < 1e-3


def test_a_function_that_never_evaluates_raises():
    def f(h):
        raise ValueError

    with pytest.raises(ArithmeticError, match="both sides"):
        differences(f)


def test_the_complex_step_is_exact_for_analytic_functions_and_none_for_others():
    (got,) = complex_step(lambda x: (np.exp(x) * x,), [np.float64(1.5)], [np.float64(1.0)])
    assert math.isclose(got, 2.5 * math.exp(1.5), rel_tol=1e-15)
    assert complex_step(lambda x: (np.abs(x),), [np.float64(1.5)], [np.float64(1.0)]) is None
    assert complex_step(lambda x: (math.sin(x),), [np.float64(1.5)], [np.float64(1.0)]) is None


def test_a_zero_direction_and_an_empty_input():
    value, error = directional(lambda x: (x * 2,), [np.ones(2)], [np.zeros(2)])
    assert value.tolist() == error.tolist() == [0.0, 0.0]
    value, _ = directional(lambda x: (x * 2,), [np.ones(0)], [np.ones(0)])
    assert value.size == 0


def test_the_pairing_does_not_conjugate():
    assert inner([np.array([1j, 2.0])], [np.array([1j, 1.0])]) == 1.0

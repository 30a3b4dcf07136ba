"""Wrong custom rules: each is said when the first derivative is taken."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import CustomRuleError, RuleError

from .common import clean, refuse

A = np.array([0.5, 1.5, -0.7])


def bad(**rule: Any) -> Any:
    return cr.custom_rule(lambda x: np.sin(x), **rule)


def test_not_a_function() -> None:
    def run() -> Any:
        return cr.custom_rule(3.0, partial=lambda y, x: 1.0)  # <-

    refuse(run, CustomRuleError, ValueError, "float")


def test_no_rule() -> None:
    def run() -> Any:
        return cr.custom_rule(np.sin)  # <-

    refuse(run, CustomRuleError, ValueError, "sin got no rule", "exactly one of")


def test_two_rules() -> None:
    def run() -> Any:
        return cr.custom_rule(np.sin, partial=np.cos, jvp=np.cos)  # <-

    refuse(run, CustomRuleError, ValueError, "sin got partial and jvp", "exactly one of")


def test_a_rule_that_is_no_function() -> None:
    def run() -> Any:
        return cr.custom_rule(np.sin, partial=3.0)  # <-

    refuse(run, CustomRuleError, ValueError, "the partial of sin is not a function: 3.0")


WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "sign": ({"partial": lambda y, x: -np.cos(x)}, ("disagrees with differences",)),
    "scale": ({"partial": lambda y, x: 2 * np.cos(x)}, ("disagrees with differences",)),
    "jvp sign": ({"jvp": lambda t, y, x: -t[0] * np.cos(x)}, ("disagrees with differences",)),
    "vjp sign": ({"vjp": lambda ct, y, x: -ct * np.cos(x)}, ("disagrees with differences",)),
    "partial shape": ({"partial": lambda y, x: np.ones(2)}, ("has shape (2,)", "jvp= or vjp=")),
    "partial text": ({"partial": lambda y, x: "x"}, ("returned str",)),
    "partial none": ({"partial": lambda y, x: None}, ("returned NoneType",)),
    "jvp shape": ({"jvp": lambda t, y, x: np.sum(t[0])}, ("returned shape ()", "tangent")),
    "jvp none": ({"jvp": lambda t, y, x: None}, ("returned NoneType",)),
    "vjp shape": ({"vjp": lambda ct, y, x: np.sum(ct)}, ("returned shape ()", "cotangent")),
    "vjp count": ({"vjp": lambda ct, y, x: (ct, ct)}, ("2 cotangents for 1",)),
    "vjp text": ({"vjp": lambda ct, y, x: ("x",)}, ("returned str",)),
    "partials": ({"partial": (lambda y, x: x, lambda y, x: x)}, ("1 arguments, but has 2",)),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_rule_is_said_at_the_first_derivative(case: str) -> None:
    rule, words = WRONG[case]
    wrong = bad(**rule)
    assert np.array_equal(wrong(A), np.sin(A))  # no derivative, no check

    def by_grad() -> Any:
        return cr.grad(lambda x: np.sum(wrong(x)))(A)  # <-

    def by_jvp() -> Any:
        return cr.jvp(wrong, (A,), (A,))  # <-

    for run in (by_grad, by_jvp, by_grad):  # and again: the check is not skipped the second time
        refuse(run, CustomRuleError, ValueError, *words)


def test_a_rule_with_a_wrong_signature_is_said() -> None:
    wrong = bad(partial=lambda x: np.cos(x))

    def run() -> Any:
        return cr.grad(wrong)(0.5)  # <-

    refuse(run, CustomRuleError, ValueError, "takes other arguments", "partial(y, x")


def test_a_jvp_that_is_not_linear_is_said() -> None:
    wrong = bad(jvp=lambda t, y, x: t[0] ** 2 * np.cos(x))

    def run() -> Any:
        return cr.grad(lambda x: np.sum(wrong(x)))(A)

    with pytest.raises((CustomRuleError, RuleError)) as caught:
        run()
    assert "cure:" in str(caught.value)
    clean()


def test_a_jvp_that_branches_on_a_value_is_said() -> None:
    wrong = cr.custom_rule(
        lambda x: np.abs(x), jvp=lambda t, y, x: t[0] if np.sum(x) > 0 else -t[0], check=False
    )
    with pytest.raises(RuleError, match="branches on a value"):
        cr.grad(wrong)(0.5)
    clean()


def test_a_function_that_does_not_return_an_array() -> None:
    pair = cr.custom_rule(lambda x: (x, x), partial=lambda y, x: 1.0)

    def run() -> Any:
        return cr.grad(pair)(0.5)  # <-

    refuse(run, CustomRuleError, ValueError, "returned tuple, not one array")


def test_a_rule_meant_to_differ_says_so() -> None:
    through = cr.custom_rule(np.round, partial=lambda y, x: np.ones_like(x), check=False)
    assert np.array_equal(cr.grad(lambda x: np.sum(through(x)))(A), np.ones(3))


def test_a_traced_value_that_the_rule_would_not_see_is_said() -> None:
    scaled = cr.custom_rule(lambda x, k=1.0: x * k, partial=lambda y, x, k=1.0: k)

    def by_keyword() -> Any:
        return cr.grad(lambda k: scaled(2.0, k=k))(3.0)  # <-

    refuse(by_keyword, CustomRuleError, ValueError, "by keyword", "positional argument")

    pair = cr.custom_rule(lambda p: p[0] * p[1], partial=lambda y, p: 1.0)

    def in_a_list() -> Any:
        return cr.grad(lambda x: pair([x, 2.0]))(3.0)  # <-

    refuse(in_a_list, CustomRuleError, ValueError, "in a container", "positional argument")

    def in_a_closure() -> Any:
        def f(w: Any, x: Any) -> Any:
            times_w = cr.custom_rule(lambda x: x * w, partial=lambda y, x: w, check=False)
            return times_w(x)  # <-

        return cr.grad(f, argnums=(0, 1))(2.0, 3.0)

    refuse(in_a_closure, CustomRuleError, ValueError, "from outside its arguments", "positional")


def test_a_closure_over_an_outer_derivative_is_said() -> None:
    def outer(w: Any) -> Any:
        times_w = cr.custom_rule(lambda x: x * w, partial=lambda y, x: w, check=False)
        return cr.grad(times_w)(3.0)

    with pytest.raises(CustomRuleError, match="from outside its arguments"):
        cr.grad(outer)(2.0)
    clean()


def test_constants_may_be_given_by_keyword() -> None:
    scaled = cr.custom_rule(lambda x, k=1.0: x * k, partial=lambda y, x, k=1.0: k)
    assert cr.grad(lambda x: scaled(x, k=np.floor(x)))(2.5) == 2.0


def test_a_rule_that_gives_nan_is_said() -> None:
    wrong = bad(partial=lambda y, x: np.cos(x) * np.nan)

    def run() -> Any:
        return cr.grad(wrong)(0.5)  # <-

    refuse(run, CustomRuleError, ValueError, "disagrees with differences", "gives nan")


def test_a_rule_that_forgets_the_imaginary_direction_is_said() -> None:
    wrong = cr.custom_rule(np.conj, jvp=lambda t, y, z: t[0])

    def run() -> Any:
        return cr.jvp(wrong, (1.0 + 2.0j,), (1.0 + 0.0j,))  # <-

    refuse(run, CustomRuleError, ValueError, "disagrees with differences")


def test_the_check_stays_quiet_at_the_edge_of_a_domain() -> None:
    root = cr.custom_rule(np.sqrt, partial=lambda y, x: 0.5 / y)
    assert cr.grad(lambda x: np.sum(root(x)))(np.array([1e-9, 4.0]))[1] == 0.25

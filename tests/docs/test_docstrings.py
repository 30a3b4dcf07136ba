"""Every public function has an example in its docstring, and the example prints what it says."""

import doctest

import pytest

import chainrule

FUNCTIONS = [name for name in chainrule.__all__ if name != "ChainRuleError"]


def documented(name: str) -> object:
    found = getattr(chainrule, name)
    return getattr(found, "__wrapped__", found) if name == "explain" else found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_runs_and_prints_what_it_says(name: str) -> None:
    text = documented(name).__doc__ or ""
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert test.examples, f"{name} has no example"
    report: list[str] = []
    result = doctest.DocTestRunner().run(test, out=report.append)
    assert result.failed == 0, "".join(report)

"""One truth: the derivation and `grad` run the same rules."""

import numpy as np
import pytest

import chainrule
from chainrule.core.registry import op_named
from chainrule.core.slots import Partial
from chainrule.explain import explain
from chainrule.testing.samples import all_records, cases

from . import checking, worked

RECORDS = [r for r in all_records() if r.samples]


def test_gradient_is_that_of_grad_to_the_last_bit():
    params, x, t = worked.point()
    ours, theirs = (
        explain(worked.net, params, x, t).gradient,
        chainrule.grad(worked.net)(params, x, t),
    )
    assert all(np.array_equal(ours[k], theirs[k]) for k in params)


def test_a_corrupt_rule_changes_both_alike(monkeypatch):
    op = op_named("sin")
    sound = chainrule.grad(worked.sine)(0.5)
    monkeypatch.setattr(op, "slots", (Partial(lambda _y, x: 2 * np.cos(x)),))
    kept = dict(op.cache)
    op.cache.clear()
    try:
        derivation = explain(worked.sine, 0.5)
        assert derivation.gradient == chainrule.grad(worked.sine)(0.5) == 2 * sound
        assert "2 · cos(v₃)" in derivation.text()
        assert not derivation.document["check"]["passed"]
        assert "✗" in derivation.text()
    finally:
        op.cache.clear()
        op.cache.update(kept)


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)
@pytest.mark.filterwarnings("ignore")
def test_every_record_is_explained_and_drawn(record):
    """Every tree of every derivation evaluates to what is printed beside it."""
    for case in list(cases(record, np.float64))[:2]:
        if not case.xs:
            continue

        def first(*xs, case=case):
            y = case(*xs)[0]
            return np.real(y) if np.iscomplexobj(y) else y

        argnums = tuple(range(len(case.xs)))
        derivation = explain(first, *case.xs, argnums=argnums)
        assert derivation.text()
        assert derivation.latex()
        assert derivation.markdown()
        checking.check_json(derivation, tight=1e-6)
        assert chainrule.draw(first, *case.xs, argnums=argnums).svg().startswith("<svg")


def test_each_gradient_is_finished_once():
    """Terms = uses, and the number of paths is that of an enumeration by hand."""

    def f(x):
        a = x * x
        b = a + np.sin(x)
        return a * b + b

    document = explain(f, 0.7).document
    names = [row["symbol"] for row in document["backward"]]
    assert len(names) == len(set(names))
    for row in document["backward"]:
        assert row["arrived"] == row["uses"] == len(row["terms"])
    (path,) = document["paths"]
    assert path["count"] == 8  # a: 2·(1 + 2 of b), b over sin x: 2

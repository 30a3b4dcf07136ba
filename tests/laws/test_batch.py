"""Law: a batch computes what its examples do, one by one: values, and gradients on either side."""

import re
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

import chainrule
from chainrule.core.op import Composite, Op
from chainrule.errors import BatchError, CustomRuleError, UnsupportedFunctionError
from chainrule.testing.samples import Case, cases, outputs

from .registry import QUIET, every_record

pytestmark = QUIET
COUNT = 3
# What an example gives has a shape that depends on its values, or on a branch that they take.
BY_VALUE = {
    "argwhere", "nonzero", "unique", "trim_zeros", "extract", "compress", "polymul", "roots",
    "poly",
    "setdiff1d", "setxor1d", "union1d", "histogram", "histogram_bin_edges", "histogram2d",
    "histogramdd", "scipy.signal.minimum_phase", "scipy.signal.tf2zpk",
}  # fmt: skip


def batches(record: Op | Composite) -> list[tuple[Case, list[tuple[Any, ...]]]]:
    """Return every case with the values of COUNT examples for it."""
    drawn = [list(cases(record, more=i)) for i in range(COUNT)]
    return [(same[0], [case.xs for case in same]) for same in zip(*drawn, strict=True)]


def selections(count: int) -> list[tuple[int, ...]]:
    """Return which arrays differ from example to example: each alone, and all together."""
    alone = [(k,) for k in range(count)]
    return alone if count == 1 else [*alone, tuple(range(count))]


def batched(f: Callable[..., Any], examples: Any, chosen: tuple[int, ...]) -> Any:
    """Map `f` over the examples; those arrays that are not chosen are the first example's."""
    first = examples[0]
    axes = tuple(0 if k in chosen else None for k in range(len(first)))
    args = [np.stack([e[k] for e in examples]) if k in chosen else x for k, x in enumerate(first)]
    return chainrule.vmap(f, in_axes=axes)(*args)


def one_by_one(f: Callable[..., Any], examples: Any, chosen: tuple[int, ...]) -> list[list[Any]]:
    """Call `f` for one example after the other."""
    first = examples[0]
    return [
        outputs(f(*(e[k] if k in chosen else x for k, x in enumerate(first)))) for e in examples
    ]


def compare(record: Any, got: Any, rows: list[list[Any]], near: float) -> None:
    found = outputs(got)
    assert len(found) == len(rows[0])
    for k, value in enumerate(found):
        want = np.stack([row[k] for row in rows])
        assert value.shape == want.shape
        assert value.dtype == want.dtype
        scale = np.max(np.abs(want[np.isfinite(want)]), initial=1e-300) if want.size else 1.0
        np.testing.assert_allclose(value, want, rtol=near, atol=near * scale)


def pulled(case: Case, weights: list[Any]) -> Callable[..., Any]:
    """Return the function that pulls fixed weights back through a case."""

    def pull(*xs: Any) -> Any:
        out, pullback = chainrule.vjp(case, *xs)
        return pullback(tuple(w.astype(o.dtype) for w, o in zip(weights, out, strict=True)))

    return pull


def weights_of(case: Case, xs: Any) -> list[Any]:
    rng = np.random.default_rng(5)
    return [rng.standard_normal(np.shape(o)) for o in case(*xs)]


@every_record
def test_a_batch_is_the_stack_of_its_examples(record: Op | Composite) -> None:
    for case, examples in batches(record):
        for chosen in selections(len(examples[0])):
            rows = one_by_one(case.result, examples, chosen)
            try:
                got = batched(case.result, examples, chosen)
            except BatchError:
                if record.name in BY_VALUE:
                    continue
                raise
            compare(record, got, rows, 1e-12)


@every_record
def test_the_gradient_of_each_example(record: Op | Composite) -> None:
    for case, examples in batches(record):
        pull = pulled(case, weights_of(case, examples[0]))
        for chosen in selections(len(examples[0]))[::-2]:  # all together, and every other alone
            try:
                rows = one_by_one(pull, examples, chosen)
            except (UnsupportedFunctionError, CustomRuleError):
                continue
            try:
                got = batched(pull, examples, chosen)
            except BatchError:
                if record.name in BY_VALUE:
                    continue
                raise
            compare(record, got, rows, 1e-9)


@every_record
def test_the_gradient_through_a_batch(record: Op | Composite) -> None:
    for case, examples in batches(record):
        weights = weights_of(case, examples[0])
        chosen = tuple(range(len(examples[0])))
        try:
            rows = one_by_one(pulled(case, weights), examples, chosen)
            stacked = [np.stack([e[k] for e in examples]) for k in chosen]
            out, pullback = chainrule.vjp(chainrule.vmap(case), *stacked)
        except UnsupportedFunctionError:
            continue
        except BatchError:
            if record.name in BY_VALUE:
                continue
            raise
        cts = tuple(
            np.broadcast_to(w.astype(o.dtype), o.shape) for w, o in zip(weights, out, strict=True)
        )
        compare(record, pullback(cts), rows, 1e-9)


def test_every_loop_is_named_in_the_documents() -> None:
    from chainrule.modes.batch import one_by_one, rule_of
    from chainrule.testing.samples import all_records

    page = Path(__file__).parents[2] / "docs" / "policy" / "batching.md"
    text = page.read_text(encoding="utf-8").split("Single operations")[1]
    named = re.findall(r"`([\w.*]+)`", text)
    loops = [r.name for r in all_records() if isinstance(r, Op) and rule_of(r) is one_by_one]
    assert [n for n in loops if not any(fnmatch(n, pattern) for pattern in named)] == []

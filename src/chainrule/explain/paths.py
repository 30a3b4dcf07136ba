"""The chain as a sum over paths: how many there are, and each of them where they are few."""

from typing import Any

import numpy as np

from ..core.graph import Node
from .as_json import to_json
from .expr import Expr, apply

FEW, LONG = 8, 60


def paths(builder: Any) -> list[dict[str, Any]]:
    """Return, per input: the number of paths, the edges on them, and the product along each."""
    run, sweep = builder.run, builder.sweep
    counts: dict[Node, int] = {}
    after: dict[Node, list[Node]] = {}
    for node in sweep.order:
        after[node] = [r for t in sweep.terms.get(node, []) for r in builder.readings(t)]
        counts[node] = sum(counts[r] for r in after[node]) if after[node] else 1
    rows = []
    for node in run.inputs:
        if node not in counts:
            continue
        edges = sum(len(after[n]) for n in _reached(after, node))
        row: dict[str, Any] = {"of": run.symbol_of[node].id, "count": counts[node], "edges": edges}
        short = builder.scalar and counts[node] <= FEW and len(run.nodes) <= LONG
        products = _products(builder, node) if short else None
        if products:
            row |= _lines(builder, node, products)
        rows.append(row)
    return rows


def _reached(after: dict[Node, list[Node]], node: Node) -> set[Node]:
    """Return what lies on the paths from the output to `node`."""
    found, left = {node}, [node]
    while left:
        new = [n for n in after[left.pop()] if n not in found]
        found.update(new)
        left += new
    return found


def _products(builder: Any, node: Node) -> list[list[Any]] | None:
    """Return, for each path from the output to `node`, its edges' symbols; None: not all named.

    None too where a real value on the way takes the real part of what arrives: that is no product.
    """
    sweep = builder.sweep
    terms = sweep.terms.get(node, [])
    if not terms:
        return [[]]
    found = []
    for t in terms:
        symbol = builder.partials.get((t.reader, t.argument))
        if symbol is None or (node.op is not None and _loses(node, symbol.value)):
            return None
        before = _products(builder, t.reader)
        if before is None:
            return None
        found += [[*path, symbol] for path in before]
    return found


def _loses(node: Node, value: Any) -> bool:
    """Say whether only the real part of a number arrives at a step."""
    return node.dtype is not None and node.dtype.kind != "c" and np.iscomplexobj(value)


def _lines(builder: Any, node: Node, products: list[list[Any]]) -> dict[str, Any]:
    each = []
    for edges in products:
        if not edges:
            continue
        symbols: Expr = edges[0].sym()
        value = edges[0].value
        for e in edges[1:]:
            symbols = apply("multiply", symbols, e.sym())
            with np.errstate(all="ignore"):  # 0·∞ is shown as it is
                value = value * e.value
        each.append((symbols, np.asarray(value)[()]))
    if not each:
        return {}
    total_symbols: Expr = each[0][0]
    for s, _ in each[1:]:
        total_symbols = apply("add", total_symbols, s)
    if any(_loses(node, value) for _, value in each):
        total_symbols = apply("real_part", total_symbols)
    symbol = builder.run.symbols["bar:" + builder.run.symbol_of[node].id]
    line = builder.line(symbol.sym(), [total_symbols, builder.numeric(total_symbols)], symbol.value)
    return {"line": line, "terms": [to_json(s) for s, _ in each]}

"""Which nodes of a recording a single number of an input reaches, for many forward passes over it.

A column of a Jacobian needs the nodes between one number and the outputs. In a loop over numbers
these are few, and looking at all others would make n columns of n steps cost n².
"""

from collections import defaultdict
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any

import numpy as np

from ..core.graph import Graph, Node


class Readers:
    """The nodes from which a derivative reaches an output, by what they read."""

    __slots__ = ("nodes", "of", "elements")

    def __init__(self, graph: Graph) -> None:
        self.nodes = reaching(graph)
        self.of: dict[Node, list[int]] = defaultdict(list)
        self.elements: dict[tuple[Node, int], list[int]] = defaultdict(list)
        inputs = {node: _numbers(node) for node in graph.inputs}
        for place, node in enumerate(self.nodes):
            if not node.inputs:
                continue
            if node.inputs[0] in inputs and _reads_elements(node):
                for k in np.ravel(inputs[node.inputs[0]][node.params["index"]]).tolist():
                    self.elements[node.inputs[0], k].append(place)
                continue
            for n in node.inputs:
                if n is not None:
                    self.of[n].append(place)

    def active(self, source: Node, number: int, ts: dict[Any, Any]) -> Iterator[Node]:
        """Yield the nodes that the element `number` of an input reaches, each after what it reads.

        The consumer enters the tangent of each node into `ts` before it asks for the next.
        """
        waiting: list[int] = []
        seen: set[int] = set()
        found = [*self.of.get(source, ()), *self.elements.get((source, number), ())]
        while True:
            for place in found:
                if place not in seen:
                    seen.add(place)
                    heappush(waiting, place)
            if not waiting:
                return
            node = self.nodes[heappop(waiting)]
            yield node
            found = self.of.get(node, []) if node in ts else []


def reaching(graph: Graph) -> list[Node]:
    """Return the nodes from which an output is reached."""
    return last_readers(graph)[0]


def last_readers(graph: Graph) -> tuple[list[Node], list[list[Node]]]:
    """Return the nodes from which an output is reached, and what each of them is the last to read.

    What an output is has no last reader.
    """
    wanted = {o for o in graph.outputs if type(o) is Node}
    found, read = [], []
    for node in reversed(graph.nodes):
        if node in wanted:
            last = []
            for n in node.inputs:
                if n is not None and n not in wanted:
                    wanted.add(n)
                    last.append(n)
            found.append(node)
            read.append(last)
    return found[::-1], read[::-1]


def _numbers(node: Node) -> Any:
    return np.arange(int(np.prod(node.shape))).reshape(node.shape)


def _reads_elements(node: Node) -> bool:
    """Say whether a node reads a part of an input that its index alone tells."""
    return node.op is not None and node.op.name == "getitem" and len(node.inputs) == 1

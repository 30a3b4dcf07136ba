"""A layered layout in pure Python, in integers: the same graph gives the same picture anywhere.

K. Sugiyama, S. Tagawa, M. Toda, Methods for visual understanding of hierarchical system
structures, IEEE SMC 11 (1981) 109–125: rank by longest path, order by medians, then place.
"""

import itertools
from bisect import bisect_left, insort
from dataclasses import dataclass, field

SWEEPS = 8
PLACINGS = 8
ROUTED, SHORT = 4, 12
HEAVY = 12.0


@dataclass(slots=True)
class Layered:
    """Boxes in ranks. An edge that spans ranks runs through points of its own (dummies)."""

    ranks: list[list[int]] = field(default_factory=list)
    position: dict[int, int] = field(default_factory=dict)  # across the ranks
    chains: list[list[int]] = field(default_factory=list)  # per edge: from node or trunk to node


def layered(
    count: int, edges: list[tuple[int, int]], extent: list[int], gap: int, sources: set[int]
) -> Layered:
    """Lay out nodes 0 … count−1, given edges in evaluation order and extents across the ranks.

    `sources` are inputs and constants: each is pulled to the rank before its first reader.
    """
    rank = _ranks(count, edges, sources)
    out = Layered()
    depth = max(rank, default=0) + 1
    out.ranks = [[] for _ in range(depth)]
    for n in range(count):
        out.ranks[rank[n]].append(n)
    sizes = list(extent)
    up: list[list[int]] = [[] for _ in range(count)]
    down: list[list[int]] = [[] for _ in range(count)]
    longest = _longest(count, edges, rank)
    trunk: dict[tuple[int, int], int] = {}  # one dummy a rank for all long edges of a node
    reach = list(rank)
    for a, b in edges:
        if rank[b] - rank[a] > longest:
            out.chains.append([a, b])
            continue
        start = min(reach[a], rank[b] - 1)
        chain = [trunk.get((a, start), a)]
        for r in range(start + 1, rank[b]):
            dummy = trunk[a, r] = len(sizes)
            out.ranks[r].append(dummy)
            chain.append(dummy)
            sizes.append(gap)
            up.append([])
            down.append([])
        reach[a] = max(reach[a], rank[b] - 1)
        chain.append(b)
        out.chains.append(chain)
        for p, q in itertools.pairwise(chain):
            down[p].append(q)
            up[q].append(p)
    _order(out.ranks, up, down)
    out.position = _place(out.ranks, up, down, sizes, gap, sources)
    return out


def _ranks(count: int, edges: list[tuple[int, int]], sources: set[int]) -> list[int]:
    """Rank by longest path; then pull what has slack towards its first reader.

    A node moves when it has no more edges in than out, so that the edges get shorter in all;
    inputs and constants always do.
    """
    rank, into = [0] * count, [0] * count
    readers: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:  # in evaluation order: a is final when it is read
        rank[b] = max(rank[b], rank[a] + 1)
        into[b] += 1
        readers[a].append(b)
    for n in sorted(range(count), key=lambda n: -rank[n]):
        if readers[n] and (n in sources or into[n] <= len(readers[n])):
            rank[n] = max(rank[n], min(rank[m] for m in readers[n]) - 1)
    return rank


def _longest(count: int, edges: list[tuple[int, int]], rank: list[int]) -> int:
    """Return the span beyond which an edge is drawn straight: none, unless there are too many."""
    last: dict[int, int] = {}
    for a, b in edges:
        last[a] = max(last.get(a, 0), rank[b] - rank[a])
    if sum(last.values()) <= ROUTED * count + 1000:
        return len(rank)
    return SHORT


def _order(ranks: list[list[int]], up: list[list[int]], down: list[list[int]]) -> None:
    """Sweep medians forth and back, and keep the order with the fewest crossings."""
    best, fewest = [list(r) for r in ranks], crossings(ranks, down)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        forth = sweep % 2 == 0
        order = range(1, len(ranks)) if forth else range(len(ranks) - 2, -1, -1)
        for r in order:
            fixed = ranks[r - 1] if forth else ranks[r + 1]
            spot = {n: i for i, n in enumerate(fixed)}
            near = up if forth else down
            here = {n: i for i, n in enumerate(ranks[r])}
            ranks[r].sort(key=lambda n: (_median([spot[m] for m in near[n]], here[n]), here[n]))
        found = crossings(ranks, down)
        if found < fewest:
            best, fewest = [list(r) for r in ranks], found
    for r, kept in enumerate(best):
        ranks[r][:] = kept


def _median(values: list[int], otherwise: int) -> float:
    if not values:
        return otherwise
    values.sort()
    k = len(values) // 2
    return values[k] if len(values) % 2 else (values[k - 1] + values[k]) / 2


def crossings(ranks: list[list[int]], down: list[list[int]]) -> int:
    """Count the crossings between neighbouring ranks."""
    total = 0
    for r in range(len(ranks) - 1):
        spot = {n: i for i, n in enumerate(ranks[r + 1])}
        seen: list[int] = []
        for n in ranks[r]:
            ends = sorted(spot[m] for m in down[n])
            for e in ends:
                total += len(seen) - bisect_left(seen, e + 1)
            for e in ends:
                insort(seen, e)
    return total


def _place(
    ranks: list[list[int]],
    up: list[list[int]],
    down: list[list[int]],
    sizes: list[int],
    gap: int,
    light: set[int],
) -> dict[int, int]:
    """Pull every node to the mean of its neighbours, and keep them apart within a rank.

    Inputs and constants (`light`) pull little, so that the steps stand in one line below another.
    """
    at: dict[int, float] = {}
    for row in ranks:
        total, here = 0.0, []
        for n in row:
            here.append(total + sizes[n] / 2)
            total += sizes[n] + gap
        for n, x in zip(row, here, strict=True):
            at[n] = x - (total - gap) / 2
    for k in range(PLACINGS):
        order = ranks if k % 2 == 0 else ranks[::-1]
        near = up if k % 2 == 0 else down
        for row in order:
            wish = []
            for n in row:
                m = near[n] if k < PLACINGS - 2 else up[n] + down[n]
                wish.append(_mean(m, at, light) if m else at[n])
            for n, x in zip(row, _apart(row, wish, sizes, gap, light), strict=True):
                at[n] = x
    low = min((at[n] - sizes[n] / 2 for n in at), default=0)
    return {n: round(x - low) for n, x in at.items()}


def _mean(near: list[int], at: dict[int, float], light: set[int]) -> float:
    total = weight = 0.0
    for n in near:
        w = 1.0 if n in light else HEAVY
        total += w * at[n]
        weight += w
    return total / weight


def _apart(
    row: list[int], wish: list[float], sizes: list[int], gap: int, light: set[int]
) -> list[float]:
    """Move wishes as little as possible (weighted least squares) until nothing overlaps."""
    shift, offsets = 0.0, []
    for i, n in enumerate(row):
        if i:
            shift += (sizes[row[i - 1]] + sizes[n]) / 2 + gap
        offsets.append(shift)
    blocks: list[tuple[float, float, int]] = []  # pool adjacent violators: mean, weight, members
    for n, w, o in zip(row, wish, offsets, strict=True):
        mean, weight, members = w - o, 1.0 if n in light else HEAVY, 1
        while blocks and blocks[-1][0] >= mean:
            m, v, k = blocks.pop()
            mean = (m * v + mean * weight) / (v + weight)
            weight, members = v + weight, members + k
        blocks.append((mean, weight, members))
    flat = [mean for mean, _, members in blocks for _ in range(members)]
    return [f + o for f, o in zip(flat, offsets, strict=True)]

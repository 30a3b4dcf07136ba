"""Graph algorithms: shortest paths, centralities, flows on weighted graphs."""

import heapq
from collections import defaultdict, deque

import numpy as np
from scipy.linalg import null_space
from scipy.sparse import csr_matrix, eye
from scipy.sparse.csgraph import laplacian, shortest_path
from scipy.sparse.linalg import spsolve

from tests.everyday.collect import at

EDGES = [(0, 1), (1, 2), (0, 2), (2, 3), (1, 3)]


@at([1.0, 2.0, 2.5, 0.7, 3.1], [0.4, 0.9, 2.0, 1.6, 1.2])
def dijkstra_distance(w):
    graph = defaultdict(list)
    for (a, b), weight in zip(EDGES, w, strict=True):
        graph[a].append((b, weight))
        graph[b].append((a, weight))
    dist = {0: 0.0}
    queue = [(0.0, 0)]
    done = set()
    while queue:
        d, node = heapq.heappop(queue)
        if node in done:
            continue
        done.add(node)
        for nxt, weight in graph[node]:
            if nxt not in dist or d + weight < dist[nxt]:
                dist[nxt] = d + weight
                heapq.heappush(queue, (dist[nxt], nxt))
    return dist[3] ** 2


@at([1.0, 2.0, 2.5, 0.7, 3.1], [0.4, 0.9, 2.0, 1.6, 1.2])
def floyd_warshall_wiener(w):
    d = np.full((4, 4), np.inf)
    np.fill_diagonal(d, 0)
    for (a, b), weight in zip(EDGES, w, strict=True):
        d[a, b] = d[b, a] = weight
    for k in range(4):
        for i in range(4):
            for j in range(4):
                if d[i, k] + d[k, j] < d[i, j]:
                    d[i, j] = d[i, k] + d[k, j]
    return d[np.triu_indices(4, 1)].sum()


@at([0.6, 0.2, 0.9], [0.3, 0.7, 0.5])
def pagerank(w):
    M = np.zeros((3, 3))
    M[1, 0] = w[0]
    M[2, 0] = 1 - w[0]
    M[0, 1] = w[1]
    M[2, 1] = 1 - w[1]
    M[0, 2] = w[2]
    M[1, 2] = 1 - w[2]
    rank = np.ones(3) / 3
    for _ in range(100):
        rank = 0.15 / 3 + 0.85 * M @ rank
    return rank[0] * 10 - rank[2]


@at([1.0, 2.0, 2.5, 0.7, 3.1], [0.4, 0.9, 2.0, 1.6, 1.2])
def effective_resistance(w):
    L = np.zeros((4, 4))
    for (a, b), g in zip(EDGES, w, strict=True):
        L[a, a] += g
        L[b, b] += g
        L[a, b] -= g
        L[b, a] -= g
    P = np.linalg.pinv(L)
    return P[0, 0] + P[3, 3] - 2 * P[0, 3]


@at([1.0, 2.0, 2.5, 0.7, 3.1], [0.4, 0.9, 2.0, 1.6, 1.2])
def spanning_tree_weight(w):
    parent = list(range(4))

    def find(i):
        while parent[i] != i:
            i = parent[i]
        return i

    total = 0.0
    for weight, (a, b) in sorted(zip(w, EDGES, strict=True)):
        ra, rb = find(a), find(b)
        if ra != rb:
            parent[ra] = rb
            total += weight**1.5
    return total


@at([0.3, 1.2], [0.8, 0.5])
def katz_centrality_sparse(p):
    A = csr_matrix((np.ones(5), ([0, 1, 0, 2, 1], [1, 2, 2, 3, 3])), shape=(4, 4))
    M = eye(4, format="csc") - A.T.tocsc() * (p[0] * 0.5)
    x = spsolve(M, np.full(4, p[1]))
    return x.max()


@at([1.0, 2.0, 2.5, 0.7, 3.1], [0.4, 0.9, 2.0, 1.6, 1.2])
def algebraic_connectivity(w):
    A = np.zeros((4, 4))
    for k in range(len(EDGES)):
        i, j = EDGES[k]
        A[i, j] = w[k]
    A = A + A.T
    L = laplacian(A)
    vals = np.linalg.eigvalsh(L)
    return vals[1]


@at([0.5, 0.7, 0.2, 0.9, 0.4], [0.8, 0.3, 0.6, 0.5, 0.9])
def reliability_by_recursion(p):
    """Probability that node 3 is reached, by factoring on the edges."""

    def connected(up):
        seen, todo = {0}, deque([0])
        while todo:
            n = todo.popleft()
            for (a, b), ok in zip(EDGES, up, strict=True):
                if ok and n in (a, b):
                    other = b if n == a else a
                    if other not in seen:
                        seen.add(other)
                        todo.append(other)
        return 3 in seen

    def factor(up, i):
        if i == len(EDGES):
            return 1.0 if connected(up) else 0.0
        return p[i] * factor([*up, True], i + 1) + (1 - p[i]) * factor([*up, False], i + 1)

    return factor([], 0)


@at([0.6, 0.2, 0.9], [0.3, 0.7, 0.5])
def stationary_by_null_space(w):
    P = np.array([[1 - w[0], w[0], 0.0], [0.3, 0.7 - w[1] / 2, w[1] / 2], [w[2], 0, 1 - w[2]]])
    v = null_space(P.T - np.eye(3))[:, 0]
    v = v / v.sum()
    return v[0] - v[2]


@at([1.0, 2.0, 2.5, 0.7, 3.1], [0.4, 0.9, 2.0, 1.6, 1.2])
def mean_travel_time(w):
    A = np.zeros((4, 4))
    for (i, j), weight in zip(EDGES, w, strict=True):
        A[i, j] = weight
    d = shortest_path(A, directed=False)
    return d[np.triu_indices(4, 1)].mean() + d.max()


@at([1.0, 2.0, 2.5, 0.7, 3.1], [0.4, 0.9, 2.0, 1.6, 1.2])
def normalised_cut(w):
    A = np.zeros((4, 4))
    for (i, j), weight in zip(EDGES, w, strict=True):
        A[i, j] = A[j, i] = weight
    L, d = laplacian(A, normed=True, return_diag=True)
    vals, vecs = np.linalg.eigh(L)
    side = vecs[:, 1] / d
    return vals[1] + abs(side[0] - side[3])

"""Operations research: queues, inventories, routing costs, linear programmes."""

import heapq
import math
from itertools import accumulate, pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog, minimize
from scipy.stats import norm, poisson

from tests.everyday.collect import at


@at([0.8, 1.3], [1.7, 2.2])
def erlang_c_wait(p):
    lam, mu = p
    c = 3
    rho = lam / (c * mu)
    if rho >= 1:
        raise ValueError("unstable queue")
    a = lam / mu
    terms = [a**k / math.factorial(k) for k in range(c)]
    last = a**c / math.factorial(c) / (1 - rho)
    pw = last / (sum(terms) + last)
    return pw / (c * mu - lam)


@at([12.0, 4.0], [20.0, 5.0])
def newsvendor_profit(p):
    mean, sd = p
    price, cost = 10.0, 4.0
    q = norm.ppf((price - cost) / price, loc=mean, scale=sd)
    z = (q - mean) / sd
    lost = sd * (norm.pdf(z) - z * norm.sf(z))
    return (price - cost) * mean - cost * (q - mean) - price * lost


@at([0.9, 1.1], [1.4, 0.7])
def single_server_simulation(p):
    rng = np.random.default_rng(17)
    arrivals = np.cumsum(rng.exponential(1.0, 30) * p[0])
    services = rng.exponential(1.0, 30) * p[1]
    free_at, waits = 0.0, []
    for t, s in zip(arrivals, services, strict=True):
        start = max(t, free_at)
        waits.append(start - t)
        free_at = start + s
    return sum(waits) / len(waits)


@at([3.0, 5.0], [2.0, 4.5])
def production_plan_value(c):
    res = linprog(-c, A_ub=[[1, 0], [0, 2], [3, 2]], b_ub=[4, 12, 18], bounds=[(0, None)] * 2)
    return -res.fun


@at([4.0, 12.0], [3.5, 10.0])
def capacity_shadow_price(b):
    res = linprog(
        [-3, -5],
        A_ub=[[1, 0], [0, 2], [3, 2]],
        b_ub=[b[0], b[1], 18],
        bounds=[(0, None), (0, None)],
        method="highs",
    )
    return res.fun


@at([1.3, 2.6, 0.8], [2.0, 0.9, 1.7])
def assignment_cost(t):
    cost = np.array([[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]])
    cost = cost * t[:, None] + np.outer(t, [0.1, 0.4, 0.2])
    rows, cols = linear_sum_assignment(cost)
    return cost[rows, cols].sum()


@at([2.0, 0.3], [1.2, 0.6])
def eoq_with_discount(p):
    order, hold = p
    best = None
    for price, least in [(5.0, 0), (4.8, 60), (4.6, 150)]:
        q = max(np.sqrt(2 * 400 * order / (hold * price)), least)
        total = 400 * price + 400 / q * order + hold * price * q / 2
        if best is None or total < best:
            best = total
    return best


@at([0.2, 0.3, 0.9], [0.7, 0.1, 0.4])
def tour_length(p):
    cities = [complex(0, 0), complex(p[0], 1), complex(1, p[1]), complex(2, p[2])]
    return sum(abs(b - a) for a, b in pairwise(cities)) + abs(cities[-1] - cities[0])


@at([1.5, 0.7, 2.2, 1.1], [0.9, 1.8, 0.6, 2.5])
def makespan_heap(durations):
    machines = [0.0, 0.1]
    heapq.heapify(machines)
    for d in durations:
        free = heapq.heappop(machines)
        heapq.heappush(machines, free + d * (1 + 0.01 * free))
    return max(machines)


@at([3.2, 1.0], [5.5, 2.0])
def base_stock_backorders(p):
    lam, h = p
    s = 6
    k = np.arange(0, 30)
    probs = poisson.pmf(k, lam)
    backorders = np.sum(np.maximum(k - s, 0) * probs)
    stock = np.sum(np.maximum(s - k, 0) * probs)
    return h * stock + 9 * backorders


@at([1.2, 0.8], [0.5, 1.6])
def facility_location(p):
    customers = np.array([[0.0, 0.0], [2.0, p[0]], [p[1], 3.0]])

    def total(xy):
        return np.sqrt(((customers - xy) ** 2).sum(axis=1) + 0.01).sum()

    res = minimize(total, x0=customers.mean(axis=0), method="BFGS", options={"gtol": 1e-9})
    return res.fun


@at([0.3, 0.9], [0.6, 0.4])
def cumulative_learning_cost(p):
    hours = [10 * n ** (-p[0]) for n in range(1, 9)]
    running = list(accumulate(hours))
    return running[-1] * p[1] + running[3]


@at([4.2, 0.6], [7.5, 1.4])
def service_level_of_stock(p):
    rate, lead = p
    demand = poisson(rate * lead)
    levels = np.arange(12)
    fill = 1 - sum(demand.sf(k) for k in range(8, 30)) / demand.mean()
    return fill + demand.cdf(5) + np.interp(0.9, demand.cdf(levels), levels) + demand.std()

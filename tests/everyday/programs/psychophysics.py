"""Psychophysics and psychology: thresholds, choices, reaction times, memory."""

import math
import statistics

import numpy as np
from scipy import integrate, optimize, stats
from scipy.special import erfcx, log_ndtr

from tests.everyday.collect import at

LEVELS = np.array([0.1, 0.2, 0.4, 0.8, 1.6])
HITS = np.array([6, 8, 13, 18, 20])
TRIALS = np.full(5, 20)


@at([0.4, 2.0, 0.03], [0.6, 1.3, 0.06])
def weibull_psychometric_loglik(theta):
    alpha, beta, lapse = theta
    guess = 0.25
    psi = guess + (1 - guess - lapse) * (1 - np.exp(-((LEVELS / alpha) ** beta)))
    return np.sum(HITS * np.log(psi) + (TRIALS - HITS) * np.log(1 - psi))


@at([0.8, 0.3], [0.65, 0.2])
def signal_detection_dprime(rates):
    hit, fa = rates
    nd = statistics.NormalDist()
    z_hit = stats.norm.ppf(hit)
    z_fa = stats.norm.ppf(fa)
    criterion = -0.5 * (z_hit + z_fa)
    return (z_hit - z_fa) * math.exp(-(criterion**2)) + nd.cdf(0.3)


@at([0.3, 0.05, 0.15], [0.5, 0.1, 0.2])
def ex_gaussian_reaction_times(p):
    mu, sigma, tau = p
    rts = [0.45, 0.52, 0.61, 0.8, 0.39]
    ll = 0.0
    for rt in rts:
        u = (mu - rt) / tau + sigma**2 / (2 * tau**2)
        z = (rt - mu) / sigma - sigma / tau
        ll += -math.log(tau) + u + float(log_ndtr(z))
    return ll


@at([1.2, 0.9], [0.8, 1.4])
def drift_diffusion_accuracy(p):
    v, a = p
    choice = 1 / (1 + math.exp(-2 * v * a))
    mean_rt = a / v * math.tanh(v * a)
    first_passage = [0.0] * 5
    for k in range(1, 6):
        first_passage[k - 1] = (
            k * math.sin(k * math.pi / 2) * math.exp(-0.1 * (k * math.pi / a) ** 2)
        )
    return choice + mean_rt + sum(first_passage)


@at([0.3, 2.5], [0.6, 1.2])
def rescorla_wagner_softmax(p):
    alpha, temp = p
    rewards = [(0, 1), (1, 0), (0, 0), (0, 1), (1, 1)]
    Q = np.zeros(2)
    ll = 0.0
    for choice, r in rewards:
        prob = np.exp(temp * Q) / np.sum(np.exp(temp * Q))
        ll += np.log(prob[choice])
        Q[choice] += alpha * (r - Q[choice])
    return ll


@at([0.8, 0.1], [0.4, 0.5])
def power_law_forgetting(p):
    delays = (1, 2, 5, 10, 30)
    recall = [p[0] * (1 + d) ** -p[1] for d in delays]
    return statistics.mean(recall) + statistics.pstdev(recall)


@at([0.88, 2.25], [0.7, 1.6])
def prospect_theory_certainty(p):
    curvature, aversion = p
    gamble = {100.0: 0.5, -40.0: 0.3, 0.0: 0.2}
    value = 0.0
    for outcome, prob in gamble.items():
        weight = prob**0.61 / (prob**0.61 + (1 - prob) ** 0.61) ** (1 / 0.61)
        if outcome >= 0:
            value += weight * outcome**curvature
        else:
            value -= weight * aversion * (-outcome) ** curvature
    sign = 1 if value >= 0 else -1
    return sign * abs(value) ** (1 / curvature)


@at([0.5, 1.1], [0.9, 0.6])
def threshold_at_75_percent(p):
    def psi(x):
        return 0.5 + 0.48 * stats.logistic.cdf(x, loc=p[0], scale=p[1] / 3)

    return optimize.brentq(lambda x: psi(x) - 0.75, -10, 10, xtol=1e-13)


@at([0.4, 0.7], [1.0, 0.3])
def ideal_observer_information(p):
    def integrand(x):
        a = stats.norm.pdf(x, p[0], 1)
        b = stats.norm.pdf(x, -p[0], 1 + p[1])
        return np.sqrt(a * b)

    bc, _ = integrate.quad(integrand, -8, 8, epsabs=1e-13, epsrel=1e-12)
    return -math.log(bc) + erfcx(p[1])


@at([0.2, 0.6], [0.5, 0.3])
def staircase_with_slope(p):
    step, slope = p
    rng = np.random.RandomState(4)
    level, track = 1.0, []
    for trial in range(15):
        correct = rng.uniform() < 0.5 + 0.5 * (1 - math.exp(-level * slope))
        level = (
            level * (1 - step / (trial + 2)) if correct else level * (1 + 2 * step / (trial + 2))
        )
        track.append(level)
    return math.fsum(track[5:]) / 10 * math.log1p(slope)

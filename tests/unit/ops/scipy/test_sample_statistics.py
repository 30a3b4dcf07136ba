"""Statistics of samples in scipy.stats against differences."""

import numpy as np
import pytest
from scipy import stats

import chainrule as cr
from chainrule.errors import ChainRuleError
from chainrule.numeric import differences

B = np.array([0.3, 1.7, 0.9, 1.4, 0.2])
D = np.array([[0.1, 0.9, 1.4, 2.2, 0.4, 1.0], [1.0, 0.3, 0.8, 1.9, 1.5, 0.6]])


def sample(p):
    return np.array([p[0], 0.5, 1.9, p[1], 0.1, 1.2])


def table(p):
    return np.stack([sample(p), sample(p)[::-1] * p[0], np.cos(sample(p))])


PROGRAMS = {
    "moment": lambda p: stats.moment(table(p), 3, axis=1, keepdims=True),
    "moments": lambda p: stats.moment(sample(p), [1, 2, 4]),
    "moment about": lambda p: stats.moment(sample(p), 2, center=0.4),
    "skew": lambda p: stats.skew(table(p), axis=None) + stats.skew(sample(p), bias=False),
    "kurtosis": lambda p: stats.kurtosis(table(p), 1, fisher=False)
    + stats.kurtosis(sample(p), bias=False),
    "zscore": lambda p: stats.zscore(table(p), axis=1, ddof=1) + stats.zscore(sample(p))[2],
    "zmap": lambda p: stats.zmap(p, sample(p)),
    "sem": lambda p: stats.sem(table(p)) + stats.sem(sample(p), ddof=0),
    "variation": lambda p: stats.variation(table(p), axis=1, ddof=1),
    "gmean": lambda p: stats.gmean(sample(p), weights=np.arange(1.0, 7.0)) + stats.gmean(sample(p)),
    "hmean": lambda p: stats.hmean(sample(p)),
    "iqr": lambda p: stats.iqr(sample(p)) + stats.iqr(sample(p), rng=(10, 60), scale="normal"),
    "deviation": lambda p: stats.median_abs_deviation(sample(p), scale="normal")
    + stats.median_abs_deviation(table(p), axis=1, center=np.mean).sum(),
    "trimmed": lambda p: stats.trim_mean(table(p), 0.2, axis=1),
    "entropy": lambda p: stats.entropy(sample(p), base=2) + stats.entropy(sample(p), 1 + D[0]),
    "wasserstein": lambda p: stats.wasserstein_distance(sample(p), B, v_weights=[1, 2, 1, 3, 1]),
    "energy": lambda p: stats.energy_distance(sample(p), p[0] * B),
    "one sample": lambda p: np.stack(stats.ttest_1samp(sample(p), p[0])),
    "paired": lambda p: stats.ttest_rel(table(p), D[:1], axis=1).pvalue,
    "two samples": lambda p: np.stack(stats.ttest_ind(sample(p), B * p[1])),
    "two samples, statistic's error": lambda p: stats.ttest_ind(sample(p), B).statistic * p[0],
    "variances": lambda p: np.stack(stats.f_oneway(sample(p), B, D[0] * p[0])),
    "chi-square": lambda p: np.stack(stats.chisquare(sample(p), sample(p)[::-1])),
    "chi-square, even": lambda p: stats.chisquare(sample(p), ddof=1).pvalue,
    "line": lambda p: np.stack(stats.linregress(sample(p), D[0] * p[1])),
    "line's error": lambda p: stats.linregress(D[0], sample(p)).intercept_stderr,
    "correlation": lambda p: np.stack([*stats.pearsonr(sample(p), D[0] ** p[1])]),
    "correlations": lambda p: stats.pearsonr(table(p), D[:1], axis=1).statistic,
    "density of data": lambda p: stats.gaussian_kde(sample(p))([0.3, 1.1]),
    "density in the plane": lambda p: stats.gaussian_kde(D * p[0], "silverman").logpdf(p),
    "density at points": lambda p: stats.gaussian_kde(D, weights=[1, 2, 1, 1, 3, 1]).pdf(p),
    "density of a width": lambda p: stats.gaussian_kde(D[0], bw_method=p[0]).evaluate([0.4, p[1]]),
    "density of weights": lambda p: stats.gaussian_kde(D[0], weights=sample(p)).pdf(0.7),
    "probability of data": lambda p: stats.gaussian_kde(sample(p)).integrate_box_1d(0, p[1]),
    "probability of a width": lambda p: stats.gaussian_kde(D[0], p[0]).integrate_box_1d(p[1], 0.1),
    "entropies": lambda p: stats.norm.entropy(p[0], p[1])
    + stats.weibull_min(p[1], scale=p[0]).entropy(),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_against_differences(name):
    f, p = PROGRAMS[name], np.array([0.7, 1.45])
    value, _ = cr.vjp(f, p)
    assert np.allclose(value, f(p), rtol=1e-12, atol=1e-15)
    jacobian = cr.jacrev(f)(p)
    for i, v in enumerate(np.eye(2)):
        want, error = differences(lambda h, v=v: np.asarray(f(p + h * v)), step=0.005, rounds=6)
        assert np.all(abs(jacobian[..., i] - want) <= 1e-6 * abs(want) + 10 * error + 1e-8)
        assert np.allclose(cr.jvp(f, (p,), (v,))[1], jacobian[..., i], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "f",
    [
        lambda p: stats.ttest_ind(sample(p), B, alternative="less").pvalue,
        lambda p: stats.zscore(sample(p), nan_policy="omit")[0],
        lambda p: stats.gaussian_kde(sample(p)).integrate_gaussian(0.5, 1.0),
        lambda p: stats.linregress(sample(p), D[0], alternative="greater").slope,
    ],
)
def test_what_has_no_rule_is_refused(f):
    with pytest.raises(ChainRuleError):
        cr.grad(f)(np.array([0.7, 1.45]))


def test_points_on_a_line():
    x = np.arange(4.0)
    fit = lambda p: stats.linregress(x, p[0] * x + p[1])  # noqa: E731
    p = np.array([0.5, 2.0])
    assert np.allclose(cr.grad(lambda p: fit(p).slope)(p), [1, 0])
    assert np.allclose(cr.grad(lambda p: fit(p).intercept)(p), [0, 1])
    assert np.allclose(cr.grad(lambda p: stats.pearsonr(x, x * p[0])[0])(p), [0, 0])
    assert cr.vjp(lambda p: fit(p).pvalue, p)[0] == fit(p).pvalue


def test_the_circular_deviation_of_angles_close_together():
    x = np.array([0.7, 0.7 + 1e-6, 0.7 - 3e-6])
    assert np.allclose(cr.grad(stats.circstd)(x), cr.grad(np.std)(x), rtol=1e-9)
    assert not np.any(cr.grad(stats.circstd)(np.full(3, 0.7)))  # as np.std: the tip of a cone


def test_distances_of_samples_with_ties():
    far = cr.grad(lambda x: stats.wasserstein_distance(x, [0.0, 0.5, 0.7]))
    np.testing.assert_allclose(far(np.array([2.0, 2.0, 3.0])), np.full(3, 1 / 3))
    assert cr.grad(lambda a: stats.wasserstein_distance([a, 3.0], [1.0, 0.0]))(1.0) == 0.5
    shifted = cr.grad(lambda x: stats.wasserstein_distance(x, x + 1))
    np.testing.assert_allclose(shifted(np.array([1.0, 2.0, 4.0])), np.zeros(3), atol=1e-15)
    energy = cr.grad(lambda x: stats.energy_distance(x, [0.0, 0.5, 0.7]))
    a, b, _ = energy(np.array([2.0, 2.0, 3.0]))
    assert a == b

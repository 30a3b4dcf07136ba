"""Statistics made of ranks: SciPy's numbers, and steps, in every mode."""

import numpy as np
import pytest
from scipy import stats

import chainrule as cr
from chainrule.errors import UnsupportedFunctionError

RNG = np.random.default_rng(1)
D, T = RNG.random(8), RNG.random((3, 8))
P = np.array([0.71, 1.45])
POINTS = np.stack([P, P * 1.2, P[::-1], P * 0.5])


def s(p):
    return np.array([p[0], 0.5, 1.9, p[1], 0.1, 1.2, 0.33, 0.8])


def m(p):
    return np.stack([s(p), s(p)[::-1] * p[0], np.cos(s(p))])


def both(result):
    return np.array([result.statistic, result.pvalue])


STEPS = {
    "spearmanr": lambda p: both(stats.spearmanr(s(p), D)),
    "spearmanr, matrix": lambda p: stats.spearmanr(m(p).T).correlation,
    "spearmanr, lists": lambda p: stats.spearmanr([p[0], p[1], 1.0], [3, 1, 2]).correlation,
    "kendalltau": lambda p: both(stats.kendalltau(D, s(p), variant="c")),
    "weightedtau": lambda p: stats.weightedtau(s(p), D, rank=None).correlation,
    "somersd": lambda p: stats.somersd(s(p).round(1), D.round(1)).table * 1.0,
    "rankdata": lambda p: stats.rankdata(m(p), "dense", axis=1) * 1.0,
    "tiecorrect": lambda p: stats.tiecorrect(stats.rankdata(s(p).round())),
    "mannwhitneyu": lambda p: stats.mannwhitneyu(m(p), T, axis=1, method="asymptotic").pvalue,
    "wilcoxon": lambda p: both(stats.wilcoxon(s(p) - 0.5, zero_method="zsplit")),
    "wilcoxon, approximate": lambda p: stats.wilcoxon(s(p), D, method="approx").zstatistic,
    "kruskal": lambda p: np.stack(stats.kruskal(s(p), D, D[::-1] * p[0])),
    "friedmanchisquare": lambda p: np.stack(stats.friedmanchisquare(*m(p))),
    "ks_2samp": lambda p: both(stats.ks_2samp(s(p), D)),
    "mood": lambda p: np.stack(stats.mood(s(p), D)),
    "ansari": lambda p: both(stats.ansari(s(p), D)),
    "brunnermunzel": lambda p: np.stack(stats.brunnermunzel(s(p), D)),
    "cramervonmises_2samp": lambda p: both(stats.cramervonmises_2samp(s(p), D)),
    "anderson_ksamp": lambda p: stats.anderson_ksamp([s(p), D], variant="midrank").statistic,
    "page_trend_test": lambda p: both(stats.page_trend_test(m(p).T)),
    "percentileofscore": lambda p: stats.percentileofscore(s(p), [p[1] + 0.01, 0.77]),
    "ranksums": lambda p: np.stack(stats.ranksums(s(p), D)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", STEPS)
def test_a_step_beside_what_flows(name):
    step = STEPS[name]
    f = lambda p: step(p) * p[0]  # noqa: E731
    value, tangent = cr.jvp(f, (P,), (np.array([1.0, 0.5]),))
    np.testing.assert_array_equal(value, f(P))
    assert type(value) is type(f(P))
    np.testing.assert_array_equal(tangent, step(P))
    np.testing.assert_array_equal(cr.jacrev(f)(P)[..., 0], step(P))
    assert not np.any(cr.jacrev(step)(P))
    np.testing.assert_array_equal(cr.vmap(f)(POINTS), np.stack([f(p) for p in POINTS]))
    fast = cr.jit(f)
    for p in POINTS:
        np.testing.assert_array_equal(fast(p), f(p))


def test_the_place_of_the_largest_distance_flows():
    f = lambda p: stats.ks_2samp(s(p) * 0.8, D * p[1] + 0.01).statistic_location  # noqa: E731
    h = 1e-6
    for p in POINTS:
        want = [(f(p + h * e) - f(p - h * e)) / (2 * h) for e in np.eye(2)]
        np.testing.assert_allclose(cr.grad(f)(p), want, atol=1e-8)
    np.testing.assert_array_equal(cr.vmap(f)(POINTS), [f(p) for p in POINTS])


def test_a_tie_is_a_step_too():
    x = np.array([1.0, 1.0, 2.0])
    assert not np.any(cr.grad(lambda x: stats.kendalltau(x, [1, 2, 3]).statistic)(x))


@pytest.mark.parametrize(
    ("f", "match"),
    [
        (lambda p: stats.somersd(np.outer(p, p)).statistic, "two samples"),
        (lambda p: stats.ks_2samp(m(p), T, axis=1).statistic, "one pair"),
        (
            lambda p: stats.mannwhitneyu(
                s(p), D, method=stats.PermutationMethod(n_resamples=9)
            ).pvalue,
            "leave out method",
        ),
    ],
)
def test_what_is_refused_names_a_cure(f, match):
    with pytest.raises(UnsupportedFunctionError, match=match):
        cr.jacrev(f)(P)


def test_the_derivation_shows_all_that_is_ranked():
    text = cr.explain(lambda p: p[0] * STEPS["spearmanr, lists"](p), P).text()
    assert "spearmanr(v₄, c₁)" in text
    assert "the call" not in text

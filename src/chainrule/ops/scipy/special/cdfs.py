"""Distribution functions by their classic names, each with its inverse in every argument.

All are incomplete gamma or beta functions of other arguments. An inverse is differentiated by the
rule of implicit functions: where F(y, θ) = p, dy = (dp − ∂F/∂θ dθ)/∂F/∂y.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from .common import WHOLE, doubles, refuse, ufunc
from .erf import gaussian
from .gammas import psi_gap
from .incomplete import (
    beta_density,
    betainc_da,
    betainc_db,
    betainc_in_shapes,
    gamma_density,
    gammainc_da,
)
from .logs import in_power

_UNIT = (0.0, 1.0)
_SHAPE = (0.5, 4.0)
_POINT = (0.1, 4.0)
_IMPLICIT = "by the rule of implicit functions: dy = (dp − ∂F/∂θ dθ)/(∂F/∂y), where F(y, θ) = p"

_COUNT_ENDS = (0.0,)
_SEARCH_ENDS = (1e-100, 1e10, 1e100)

Partials = tuple[Callable[..., Any], ...]


def inverse(function: Any, f: Partials, unknown: int, order: tuple[int, ...], sign: float,
            domain: Any, at: Any = (), ends: tuple[float, ...] = (),
            empty: int | None = None) -> None:  # fmt: skip
    """Declare the inverse of F in its argument `unknown`; `f` are the partials of F.

    `order` says what each argument of the inverse is: the place of it in F, or −1 for F's value,
    which `sign` turns into that of the complement. At the `ends` of its search SciPy returns the
    end itself, whatever the arguments are, and where the argument `empty` of the inverse is 0, what
    it starts from: there the derivative is 0.
    """

    def arguments(y: Any, given: Any) -> list[Any]:
        found = dict(zip(order, given, strict=True)) | {unknown: y}
        return [found[k] for k in sorted(found) if k >= 0]

    def partial(k: int) -> Any:
        def rule(y: Any, *xs: Any) -> Any:
            args = arguments(y, xs)
            slope = f[unknown](*args)
            return sign / slope if k < 0 else -f[k](*args) / slope

        def within(y: Any, *xs: Any) -> Any:
            stuck = np.isin(y, ends)
            if empty is not None:
                stuck = np.logical_or(stuck, np.equal(xs[empty], 0))
            return np.where(stuck, 0.0, rule(np.where(stuck, 1.0, y), *xs))[()]

        return within if ends else rule

    ufunc(function, *map(partial, order), rule=_IMPLICIT, domain=domain, at=at)


def forward(function: Any, f: Partials, complement: Any = None, *, domain: Any, rule: str,
            at: Any = ()) -> None:  # fmt: skip
    """Declare F by its partials, each a function of all arguments, and 1 − F beside it."""
    for found, sign in ((function, 1.0), (complement, -1.0)):
        if found is not None:
            ufunc(
                found, *(lambda _y, *xs, g=g, sign=sign: sign * g(*xs) for g in f),
                domain=domain, rule=rule, at=at,
            )  # fmt: skip


# --- gamma and χ² ---------------------------------------------------------------------------------

CHI2: Partials = (
    lambda v, x: 0.5 * gammainc_da(0.5 * v, 0.5 * x),
    lambda v, x: 0.5 * gamma_density(0.5 * v, 0.5 * x),
)
forward(special.chdtr, CHI2, special.chdtrc, domain=(_SHAPE, _POINT), at=(1.5, None),
        rule="d chdtr(v, u) = the density of χ² du + ∂/∂v dv")  # fmt: skip
inverse(special.chdtri, CHI2, 1, (0, -1), -1.0, (_SHAPE, _UNIT), (1.5, None))
inverse(special.chdtriv, CHI2, 0, (-1, 1), 1.0, ((0.1, 0.6), (1.0, 3.0)))

GAMMA: Partials = (
    lambda a, b, x: x * gamma_density(b, a * x),
    lambda a, b, x: gammainc_da(b, a * x),
    lambda a, b, x: a * gamma_density(b, a * x),
)
forward(special.gdtr, GAMMA, special.gdtrc, domain=(_SHAPE, _SHAPE, _POINT), at=(None, 1.5, None),
        rule="d gdtr(a, b, u) = P(b, au): its density·(a du + u da) + ∂P/∂b db")  # fmt: skip
inverse(special.gdtria, GAMMA, 0, (-1, 1, 2), 1.0, (_UNIT, _SHAPE, _POINT), (None, 1.5, None))
inverse(special.gdtrib, GAMMA, 1, (0, -1, 2), 1.0, (_SHAPE, _UNIT, _POINT))
inverse(special.gdtrix, GAMMA, 2, (0, 1, -1), 1.0, (_SHAPE, _SHAPE, _UNIT), (None, 1.5, None))

# --- Poisson: whole numbers k, of which the inverse in k makes a real one -------------------------

POISSON: Partials = (
    lambda k, m: -gammainc_da(k + 1.0, m), lambda k, m: -gamma_density(k + 1.0, m)
)  # fmt: skip
for _f, _sign in ((special.pdtr, -1.0), (special.pdtrc, 1.0)):
    ufunc(
        _f, None, lambda _y, k, m, sign=_sign: sign * gamma_density(np.floor(k) + 1.0, m),
        at=(2.0, None), domain=((0.0, 4.0), _POINT), rule="d Q(k + 1, m) = −mᵏe⁻ᵐ/k! dm",
    )  # fmt: skip
ufunc(
    special.pdtri, None, lambda m, k, _p: -1.0 / gamma_density(np.floor(k) + 1.0, m),
    at=(2.0, None), domain=((0.0, 4.0), _UNIT), rule=_IMPLICIT,
)  # fmt: skip
inverse(special.pdtrik, POISSON, 0, (-1, 1), 1.0,
        ((0.4, 0.9), (2.0, 4.0)), ends=_COUNT_ENDS)  # fmt: skip

# --- binomial and negative binomial ---------------------------------------------------------------

BINOMIAL: Partials = (
    lambda k, n, p: betainc_db(n - k, k + 1.0, 1.0 - p) - betainc_da(n - k, k + 1.0, 1.0 - p),
    lambda k, n, p: betainc_da(n - k, k + 1.0, 1.0 - p),
    lambda k, n, p: -beta_density(n - k, k + 1.0, 1.0 - p),
)


def _binomial_in_p(k: Any, n: Any, p: Any) -> Any:
    """Return −∂F/∂p, by the density at p itself; 0 where k = n and F is 1."""
    k, n = np.floor(k), np.floor(n)
    inside = np.logical_and(np.less(k, n), np.greater_equal(k, 0))
    ahead, behind = np.where(inside, k, 0.0) + 1.0, np.where(inside, n - k, 1.0)
    return np.where(inside, beta_density(ahead, behind, p), 0.0)


_COUNTS = ((0.0, 3.0), (4.0, 9.0), _UNIT)
for _f, _sign in ((special.bdtr, -1.0), (special.bdtrc, 1.0)):
    ufunc(
        _f, None, ("n", WHOLE), lambda _y, k, n, p, sign=_sign: sign * _binomial_in_p(k, n, p),
        at=(2.0, 5, None), domain=_COUNTS, rule="d bdtr(k, n, p) = −pᵏ(1−p)ⁿ⁻ᵏ⁻¹/B(k+1, n−k) dp",
    )  # fmt: skip
ufunc(
    special.bdtri, None, ("n", WHOLE), lambda p, k, n, _y: -1.0 / _binomial_in_p(k, n, p),
    at=(2.0, 5, None), domain=_COUNTS, rule=_IMPLICIT,
)  # fmt: skip
inverse(special.bdtrik, BINOMIAL, 0, (-1, 1, 2), 1.0,
        ((0.6, 0.9), (5.0, 9.0), (0.3, 0.6)), ends=_COUNT_ENDS)  # fmt: skip
inverse(special.bdtrin, BINOMIAL, 1, (0, -1, 2), 1.0, ((1.0, 3.0), (0.3, 0.6), (0.3, 0.6)))

NEGATIVE: Partials = (
    lambda k, n, p: betainc_db(n, k + 1.0, p),
    lambda k, n, p: betainc_da(n, k + 1.0, p),
    lambda k, n, p: beta_density(n, k + 1.0, p),
)
for _f, _sign in ((special.nbdtr, 1.0), (special.nbdtrc, -1.0)):
    ufunc(
        _f, ("k", WHOLE), ("n", WHOLE),
        lambda _y, k, n, p, sign=_sign: sign * beta_density(np.floor(n), np.floor(k) + 1.0, p),
        at=(2, 5, None), domain=_COUNTS, rule="d nbdtr(k, n, p) = pⁿ⁻¹(1−p)ᵏ/B(n, k+1) dp",
    )  # fmt: skip
ufunc(
    special.nbdtri, ("k", WHOLE), ("n", WHOLE),
    lambda p, k, n, _y: 1.0 / beta_density(np.floor(n), np.floor(k) + 1.0, p),
    at=(2, 5, None), domain=_COUNTS, rule=_IMPLICIT,
)  # fmt: skip
inverse(special.nbdtrik, NEGATIVE, 0, (-1, 1, 2), 1.0,
        ((0.6, 0.9), (3.0, 5.0), (0.3, 0.6)), ends=_COUNT_ENDS, empty=1)  # fmt: skip
inverse(special.nbdtrin, NEGATIVE, 1, (0, -1, 2), 1.0, ((1.0, 4.0), (0.3, 0.6), (0.3, 0.6)))

# --- beta, F and Student's t ----------------------------------------------------------------------

BETA: Partials = (betainc_da, betainc_db, beta_density)
inverse(special.btdtria, BETA, 0, (-1, 1, 2), 1.0, ((0.2, 0.8), _SHAPE, (0.2, 0.8)))
inverse(special.btdtrib, BETA, 1, (0, -1, 2), 1.0, (_SHAPE, (0.2, 0.8), (0.2, 0.8)))


def _fisher(n: Any, d: Any, x: Any, which: int) -> Any:
    """Return a partial of I(n/2, d/2, z), z = nx/(nx + d), by whichever of z and 1 − z is small."""
    total = n * x + d
    z, w = n * x / total, d / total
    a, b = 0.5 * n, 0.5 * d
    density = np.where(np.less(z, 0.5), beta_density(a, b, z), beta_density(b, a, w))
    if which == 2:
        return density * n * d / np.square(total)
    lower = (betainc_da if which == 0 else betainc_db)(a, b, z)
    upper = (betainc_db if which == 0 else betainc_da)(b, a, w)
    moved = density * (x * d if which == 0 else -n * x) / np.square(total)
    return 0.5 * np.where(np.less(z, 0.5), lower, -upper) + moved


FISHER: Partials = tuple(
    (lambda n, d, x, which=which: _fisher(n, d, x, which)) for which in range(3)
)
_F_AT = (2.0, 3.0, None)
forward(special.fdtr, FISHER, special.fdtrc, domain=(_SHAPE, _SHAPE, _POINT), at=_F_AT,
        rule="d fdtr(n, d, u) = the density of F du + ∂/∂n dn + ∂/∂d dd")  # fmt: skip
inverse(special.fdtri, FISHER, 2, (0, 1, -1), 1.0, (_SHAPE, _SHAPE, _UNIT), _F_AT)
inverse(special.fdtridfd, FISHER, 1, (0, -1, 2), 1.0,
        ((1.0, 3.0), (0.15, 0.28), (0.5, 1.0)), ends=_SEARCH_ENDS)  # fmt: skip


def student_density(v: Any, t: Any) -> Any:
    """Return Student's density of v degrees of freedom."""
    power = np.exp(-0.5 * (v + 1.0) * np.log1p(np.square(t) / v))
    return power / (np.sqrt(v) * special.beta(0.5 * v, 0.5))


def _student_in_v(v: Any, t: Any) -> Any:
    """Return ∂F/∂v: F = ½·I(v/2, ½, v/(v + t²)) below 0, and 1 less that above."""
    square = np.square(t)
    z, w = v / (v + square), square / (v + square)
    with np.errstate(all="ignore"):
        lower, upper = betainc_da(0.5 * v, 0.5, z), -betainc_db(0.5, 0.5 * v, w)
    slope = 0.5 * np.where(np.less(z, 0.5), lower, upper)
    moved = student_density(v, t) * np.abs(t) / v  # twice the density of the beta, times dz/dv
    return -0.5 * np.sign(t) * (slope + moved)


def _density_in_v(_y: Any, v: Any, t: Any) -> Any:
    """Return ∂f/∂v."""
    q = np.square(t) / v
    logs = psi_gap(0.5 * v, 0.5) - 1.0 / v - np.log1p(q) + (1.0 + 1.0 / v) * q / (1.0 + q)
    return 0.5 * student_density(v, t) * logs


def _student_in_v_twice(_y: Any, v: Any, t: Any) -> Any:
    """Return ∂²F/∂v², the derivative of `_student_in_v`."""
    square = np.square(t)
    z, w = v / (v + square), square / (v + square)
    lower = betainc_in_shapes(0.5 * v, 0.5, z, j=2, k=0)
    upper = -betainc_in_shapes(0.5, 0.5 * v, w, j=0, k=2)
    slope = 0.25 * np.where(np.less(z, 0.5), lower, upper)
    logs = 0.5 * (psi_gap(0.5 * v, 0.5) - np.log1p(square / v)) - 1.0 / v
    moved = np.abs(t) / v * (student_density(v, t) * logs + _density_in_v(None, v, t))
    return -0.5 * np.sign(t) * (slope + moved)


student_in_v = ufunc(
    None, _student_in_v_twice, _density_in_v, name="student_in_v", value=_student_in_v,
    domain=(_SHAPE, (-4.0, 4.0)), rule="d ∂F/∂v = ∂²F/∂v² dv + ∂f/∂v dt",
)  # fmt: skip
STUDENT: Partials = (student_in_v, student_density)
forward(special.stdtr, STUDENT, domain=(_SHAPE, (-4.0, 4.0)),
        rule="d stdtr(v, u) = Student's density du + ∂/∂v dv")  # fmt: skip
inverse(special.stdtrit, STUDENT, 1, (0, -1), 1.0, (_SHAPE, _UNIT))
inverse(special.stdtridf, STUDENT, 0, (-1, 1), 1.0,
        ((0.80, 0.82), (1.0, 1.2)), ends=_SEARCH_ENDS)  # fmt: skip

# --- normal, its mean and deviation as unknowns ---------------------------------------------------

_ROOT_TAU = math.sqrt(2 * math.pi)


def _quantile_slope(p: Any) -> Any:
    return _ROOT_TAU * gaussian(special.ndtri(p), c=-0.5)


ufunc(
    special.nrdtrimn, lambda _y, p, s, _x: -s * _quantile_slope(p),
    lambda _y, p, _s, _x: -special.ndtri(p), 1.0, domain=(_UNIT, _SHAPE, _POINT),
    rule="d (u − s·Φ⁻¹(p)) = du − Φ⁻¹(p) ds − s dp/φ",
)  # fmt: skip
ufunc(
    special.nrdtrisd, lambda _y, _m, p, _x: -1.0 / special.ndtri(p),
    lambda y, _m, p, _x: -y * _quantile_slope(p) / special.ndtri(p),
    lambda _y, _m, p, _x: 1.0 / special.ndtri(p), domain=(_POINT, (0.6, 0.95), (5.0, 9.0)),
    rule="d (u − m)/Φ⁻¹(p) = (du − dm − y dp/φ)/Φ⁻¹(p)",
)  # fmt: skip

# --- noncentral χ² --------------------------------------------------------------------------------


def _noncentral_density(x: Any, v: Any, c: Any) -> Any:
    """Return the density, by a hypergeometric series near 0, by Bessel's I farther off."""
    kind, (x, v, c) = doubles(x, v, c)
    product = x * c
    series = special.hyp0f1(0.5 * v, 0.25 * np.minimum(product, 50.0))
    near = gamma_half(v, x) * np.exp(-0.5 * c) * series
    safe = np.where(product > 50, product, 1.0)
    bell = np.exp(-0.5 * np.square(np.sqrt(x) - np.sqrt(c)))
    far = 0.5 * bell * np.exp((0.25 * v - 0.5) * np.log(np.where(product > 50, x / c, 1.0)))
    found = np.where(product > 50, far * special.ive(0.5 * v - 1, np.sqrt(safe)), near)
    return found.astype(kind)[()]


def gamma_half(v: Any, x: Any) -> Any:
    """Return the density of χ²."""
    return 0.5 * gamma_density(0.5 * v, 0.5 * x)


_NONCENTRAL = (_POINT, (1.0, 4.0), (0.2, 3.0))
ncx2_density = ufunc(
    None,
    lambda y, x, v, c: (
        y * ((0.5 * v - 1.0) / x - 0.5) + 0.5 * c / x * ncx2_density(x, v + 2.0, c)
    ),
    refuse("chndtr", "df", 1),
    lambda y, x, v, c: 0.5 * (ncx2_density(x, v + 2.0, c) - y),
    name="ncx2_density", value=_noncentral_density, at=(None, 3.0, None), domain=_NONCENTRAL,
    rule="d f(x; v, c) = (f·((v/2 − 1)/x − ½) + c/(2x)·f(x; v+2, c)) dx + ½(f(x; v+2, c) − f) dc",
)  # fmt: skip
ufunc(
    special.chndtr,
    lambda _y, x, v, c: ncx2_density(x, v, c), "df",
    lambda _y, x, v, c: -ncx2_density(x, v + 2.0, c),
    at=(None, 3.0, None), domain=_NONCENTRAL,
    rule="d F(x; v, c) = f(x; v, c) dx − f(x; v+2, c) dc",
)  # fmt: skip
ufunc(
    special.chndtrix, lambda x, _p, v, c: 1.0 / ncx2_density(x, v, c), "df",
    lambda x, _p, v, c: ncx2_density(x, v + 2.0, c) / ncx2_density(x, v, c),
    at=(None, 3.0, None), domain=((0.1, 0.9), (1.0, 4.0), (0.2, 3.0)), rule=_IMPLICIT,
)  # fmt: skip
ufunc(
    special.chndtrinc, lambda c, x, v, _p: ncx2_density(x, v, c) / ncx2_density(x, v + 2.0, c),
    "df", lambda c, x, v, _p: -1.0 / ncx2_density(x, v + 2.0, c),
    at=(None, 2.0, None), domain=((3.0, 5.0), (1.0, 2.0), (0.3, 0.7)), rule=_IMPLICIT,
)  # fmt: skip

# --- Tukey's λ ------------------------------------------------------------------------------------


def _tukey_slope(p: Any, lam: Any) -> Any:
    """Return 1/Q′(p) for Q(p) = (pᵏ − (1−p)ᵏ)/k; 0 at the ends."""
    inside = np.logical_and(np.greater(p, 0), np.less(p, 1))
    p = np.where(inside, p, 0.5)
    slope = 1.0 / (np.power(p, lam - 1.0) + np.power(1.0 - p, lam - 1.0))
    return np.where(inside, slope, 0.0)


def _tukey_in_lambda(p: Any, lam: Any) -> Any:
    inside = np.logical_and(np.greater(p, 0), np.less(p, 1))
    q = np.where(inside, p, 0.5)
    return -_tukey_slope(p, lam) * (in_power(np.log(q), lam) - in_power(np.log1p(-q), lam))


ufunc(
    special.tklmbda, lambda p, _x, lam: _tukey_slope(p, lam),
    lambda p, _x, lam: _tukey_in_lambda(p, lam), domain=((-1.0, 1.0), (-0.5, 0.9)),
    rule="d F = (du − ∂Q/∂λ dλ)/Q′(F), where Q(p) = (p^λ − (1−p)^λ)/λ is its inverse",
)  # fmt: skip

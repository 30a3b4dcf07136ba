"""What of `scipy.special` has no record of its own, as data: constant, SciPy's own Python, refused.

A test holds that every public function is in the registry or stands here.
"""

from typing import Any

from scipy import special

from ....core.registry import refuse

_NUMBERS = "chainrule.stop_gradient(x) where only the numbers are meant"

CONSTANT = {
    "takes whole numbers only": (
        "ai_zeros bei_zeros beip_zeros ber_zeros berp_zeros bernoulli bi_zeros erf_zeros euler "
        "factorial2 factorialk fresnel_zeros fresnelc_zeros fresnels_zeros jn_zeros jnjnp_zeros "
        "jnp_zeros jnyn_zeros kei_zeros keip_zeros kelvin_zeros ker_zeros kerp_zeros stirling2 "
        "y0_zeros y1_zeros y1p_zeros yn_zeros ynp_zeros chebyc chebys chebyt chebyu hermite "
        "hermitenorm laguerre legendre sh_chebyt sh_chebyu sh_legendre c_roots h_roots he_roots "
        "l_roots p_roots ps_roots s_roots t_roots ts_roots u_roots us_roots roots_chebyc "
        "roots_chebys roots_chebyt roots_chebyu roots_hermite roots_hermitenorm roots_laguerre "
        "roots_legendre roots_sh_chebyt roots_sh_chebyu roots_sh_legendre"
    ),
    "settings, warnings and tests": (
        "SpecialFunctionError SpecialFunctionWarning errstate geterr seterr test"
    ),
}
OWN = "h1vp h2vp ivp jvp kvp yvp assoc_laguerre"
"""Python of SciPy's own, made of functions that have records."""

_EIGEN = "the derivative of an eigenvalue or coefficient in its parameter is not known here"
_TABLES = "it fills a table of all orders in compiled code"
_INVERSE = "neither the distribution function nor its inverse has a known derivative in parameters"
_SECOND = "SciPy's values do not satisfy the differential equation to more than a few digits"
_VALUES = "the characteristic value is a second copy of what the other arguments say"
_NODES = "the derivative of a quadrature rule in its weight function is not known here"
REFUSED: dict[str, tuple[str, str]] = {
    name: (why, cure)
    for names, why, cure in (
        ("mathieu_even_coef mathieu_odd_coef obl_cv_seq pro_cv_seq", _EIGEN, _NUMBERS),
        ("lqmn lqn lmbda pbdn_seq pbdv_seq pbvv_seq riccati_jn riccati_yn", _TABLES,
         "call lpmv, jv, pbdv, spherical_jn, … for the orders that you need"),
        ("chndtridf ncfdtr ncfdtri ncfdtridfd ncfdtridfn ncfdtrinc nctdtr nctdtridf nctdtrinc "
         "nctdtrit", _INVERSE,
         "chndtr and chndtrix have a derivative in x and in the noncentrality"),
        ("obl_rad2 pro_rad2 obl_rad2_cv pro_rad2_cv", _SECOND,
         "use the functions of the first kind"),
        ("obl_ang1_cv obl_rad1_cv pro_ang1_cv pro_rad1_cv", _VALUES,
         "call the function without _cv, which finds the value itself"),
        ("ellip_harm ellip_harm_2 ellip_normal", "compiled code finds roots inside", _NUMBERS),
        ("legendre_p legendre_p_all sph_legendre_p sph_legendre_p_all",
         "it is one of SciPy's functions with derivatives of its own",
         "write special.eval_legendre(n, x), or pass diff_n for the derivative itself"),
        ("assoc_legendre_p assoc_legendre_p_all",
         "it is one of SciPy's functions with derivatives of its own",
         "write special.lpmv(m, v, x), or pass diff_n for the derivative itself"),
        ("sph_harm_y_all", _TABLES, "write special.sph_harm_y(n, m, theta, phi)"),
        ("gegenbauer genlaguerre jacobi sh_jacobi cg_roots j_roots js_roots la_roots "
         "roots_gegenbauer roots_genlaguerre roots_jacobi roots_sh_jacobi", _NODES,
         "the polynomials themselves are differentiated in x: special.eval_jacobi(n, a, b, x)"),
    )
    for name in names.split()
}  # fmt: skip


def named(name: str) -> Any:
    """Return a function of `scipy.special`, or None where this version has it not."""
    return getattr(special, name, None)


def names() -> set[str]:
    """Return all names that stand in the tables."""
    return {n for words in (*CONSTANT.values(), OWN) for n in words.split()} | set(REFUSED)


for _name, (_why, _cure) in REFUSED.items():
    if named(_name) is not None:
        refuse(named(_name), _why, _cure)

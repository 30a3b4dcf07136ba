"""What an operation is called before a reader: words of NumPy, of SciPy, or of mathematics.

A record's name is the engine's own key. Most are public names already; helpers of rules are not,
and a reader must not meet them. A law holds every record to it.
"""

SPOKEN = {
    # indexing and building
    "add_at": "add.at", "scatter_add": "add.at", "pack": "array", "embed_diagonal": "diag",
    "pad_zeros": "pad", "last_writer": "last_written", "rows_of": "take", "setitem": "put",
    "getitem": "take", "as_computed": "value", "component": "part",
    "set_imag": "with_imaginary_part", "set_real": "with_real_part", "imaginary_part": "imag",
    "real_part": "real", "astype_constant": "astype",
    "evaluate": "fun", "solution": "y",  # of differential equations
    "out_of_range": "far_from_1", "power_of_two": "power_of_2",
    # powers, ties and orders
    "power_of": "power", "sqrt_or_zero": "sqrt", "attains": "equal", "partition_order":
    "argpartition", "unique_parts": "unique", "rank_places": "argsort", "interval": "searchsorted",
    "peak_bases": "peak_prominences", "peak_crossings": "peak_widths", "plateau_edges":
    "plateaus", "nearest": "index_of_nearest", "numpy_i0": "i0",
    # sums and shares
    "weighted_sum": "sum", "exp_share": "softmax", "logsumexp_sign": "sign_of_sum",
    "logistic_difference": "expit", "logistic2_difference": "expit′", "mills": "φ/Φ",
    "binormal": "Φ₂",
    "exp_moment": "∫θⁿ·exp(uθ)", "log_moment": "∫θⁿ/(1+uθ)", "k_moment": "∂ⁿK/∂vⁿ",
    # matrices
    "chord_solve": "solve", "factored_solve": "solve", "triangular_solve": "solve",
    "solve_again": "solve", "inverse_transposed": "inv",
    "characteristic": "poly", "regular_back": "inv", "regular": "nonsingular",
    "apart": "distinct", "independent": "distinct",
    "vanishing": "zero_singular_values",
    "quotients": "1/differences", "singular_quotients": "1/differences", "deeper_quotients":
    "1/differences", "apart_pairs": "distinct", "inverses": "reciprocal", "resolvent":
    "reduced_resolvent", "singular_resolvent": "reduced_resolvent", "left_vectors": "inv",
    "every_pair": "eigh", "every_mode": "eigh_tridiagonal",
    "cofactor": "cofactors", "cofactor_slope": "cofactors′",
    "frechet": "Fréchet_derivative", "lu_rows": "permutation", "lu_factor_rows":
    "permutation", "lu_permutation": "permutation", "lu_pivots": "pivots",
    "qr_columns": "pivots", "qr_complete": "qr", "qr_raw": "qr", "expm_of_frechet": "expm",
    "sparse_product": "matmul", "sparse_times": "matmul", "sparse_solve": "spsolve",
    "incomplete_solve": "spilu.solve",
    # filters, images, splines
    "convolve_direct": "convolve", "correlate_direct": "correlate", "correlate_nd": "correlate",
    "lfilter_from": "lfilter", "sosfilt_from": "sosfilt", "steady_state_value": "lfilter_zi",
    "interpolate_image": "interpolate", "spline_cells": "grid_cells", "bspline": "BSpline",
    "bspline_back": "Σ_ȳB", "spline_at": "spline", "surface_at": "spline",
    "surface_value": "spline", "ppoly_value": "PPoly", "ppoly_raised_value": "PPoly.antiderivative",
    "ppoly_integral_value": "PPoly.integrate",
    # functions of mathematics
    "bessel_i_ratio": "(I₀−1)/u", "bessel_j_ratio": "(1−J₀)/u", "carlson": "Carlson_integral",
    "legendre_integral": "elliptic_integral", "sech2": "sech²", "repeated_erfcx": "iⁿerfcx",
    "mills_derivative": "(φ/Φ)⁽ⁿ⁾", "share_of_length": "share",
    "polygamma_gap": "ψ(a+b)−ψ(a)", "scaled_bessel_derivative": "ive⁽ⁿ⁾",
    "betainc_in_shapes": "∂betainc/∂(a,b)", "gammainc_in_a": "∂ⁿgammainc/∂aⁿ",
    "student_in_v": "∂ⁿstdtr/∂dfⁿ", "zeta_in_x": "∂zeta/∂x",
    # distributions
    "stats_above": "above_the_support",
    "stats_inside": "in_the_support", "stats_low": "support_lower_end",
    "stats_high": "support_upper_end", "stats_valid": "valid_shapes", "stats_middle":
    "middle_of_support", "stats_edges": "panel_edges", "stats_fixed": "value",
    "stats_lower_side": "below_the_middle",
    "stats_value": "method", "stats_standard_value": "method",
}  # fmt: skip
"""The engine's key for an operation → what a reader meets; where suffixes do not say it."""

_ENDINGS = {
    "_value": "{}", "_distance": "{}", "_slope": "{}′", "_derivative": "{}⁽ⁿ⁾",
    "_density": "density_of_{}", "_rank": "matrix_rank",
}  # fmt: skip


def spoken(name: str) -> str:
    """Return the word for an operation that a reader of NumPy, SciPy or mathematics knows.

    >>> spoken("sqrt_or_zero"), spoken("scipy.svd"), spoken("cdist_value"), spoken("erfinv_slope")
    ('sqrt', 'svd', 'cdist', 'erfinv′')
    """
    short = name.rpartition(".")[2]
    if short in SPOKEN:
        return SPOKEN[short]
    if short.startswith("stats_"):
        short = short.removeprefix("stats_")
    for ending, instead in _ENDINGS.items():
        if short.endswith(ending) and short != ending:
            return instead.format(short.removesuffix(ending))
    return short

"""Floor 2: declarations only, a module per family. Blind to `tracing`."""

from ..core import registry
from . import (
    arithmetic,
    builders,
    complexes,
    convolution,
    cumulative,
    decompositions,
    diagonals,
    eigenvalues,
    einsum,
    explog,
    extremes,
    filling,
    grids,
    histograms,
    index,
    joining,
    kinds,
    layout,
    linalg,
    logic,
    nans,
    norms,
    polynomials,
    products,
    reduce,
    sampled,
    scalars,
    scimath,
    select,
    sorting,
    structure,
    trig,
    windows,
)

registry.load_with("statistics", "chainrule.ops.statistics")
registry.load_with("scipy.special", "chainrule.ops.special")
registry.load_with("scipy.optimize", "chainrule.implicit.optimize")
registry.load_with("scipy.integrate", "chainrule.implicit.integrate")
registry.load_with("numpy.fft", "chainrule.ops.fft")
registry.load_with("numpy.polynomial", "chainrule.ops.series")
registry.load_with("scipy.fft", "chainrule.ops.scipy_fft")
registry.load_with("scipy.linalg", "chainrule.ops.scipy_linalg")
registry.load_with("scipy.interpolate", "chainrule.ops.interpolate")
registry.load_with("scipy.sparse", "chainrule.ops.sparse")
registry.load_with("scipy.sparse.csgraph", "chainrule.ops.csgraph")
registry.load_with("scipy.spatial", "chainrule.ops.distance")
registry.load_with("scipy.spatial.transform", "chainrule.ops.rotations")
registry.load_with("scipy.stats", "chainrule.ops.stats")
registry.load_with("scipy.sparse.linalg", "chainrule.ops.sparse_linalg")
registry.load_with("scipy.signal", "chainrule.ops.signal")
registry.load_with("scipy.ndimage", "chainrule.ops.ndimage")

__all__ = [
    "arithmetic",
    "builders",
    "complexes",
    "convolution",
    "cumulative",
    "decompositions",
    "diagonals",
    "eigenvalues",
    "einsum",
    "explog",
    "extremes",
    "filling",
    "grids",
    "histograms",
    "index",
    "joining",
    "kinds",
    "layout",
    "linalg",
    "logic",
    "nans",
    "norms",
    "polynomials",
    "products",
    "reduce",
    "registry",
    "sampled",
    "scimath",
    "scalars",
    "select",
    "sorting",
    "structure",
    "trig",
    "windows",
]

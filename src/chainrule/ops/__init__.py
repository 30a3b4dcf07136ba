"""Floor 2: declarations only, laid out as NumPy, SciPy and Python name their modules.

Blind to `tracing`. What stands for a package that need not be there, or is dear to import, loads
when the user's program has imported that package.
"""

from ..core import registry
from . import numpy, structure
from .python import scalars

_LATE = {
    "fractions": ("python.fractions",),
    "statistics": ("python.statistics",),
    "numpy.fft": ("numpy.fft",),
    "numpy.polynomial": ("numpy.series",),
    "pandas": ("columns", "windows"),
    "scipy.fft": ("scipy.fft",),
    "scipy.interpolate": (
        "scipy.interpolate.univariate",
        "scipy.interpolate.fitpack",
        "scipy.interpolate.made",
        "scipy.interpolate.roots",
        "scipy.interpolate.smoothing",
        "scipy.interpolate.multivariate",
    ),
    "scipy.linalg": (
        "scipy.linalg.null_spaces",
        "scipy.linalg.eigen",
        "scipy.linalg.factors",
        "scipy.linalg.matfuncs",
        "scipy.linalg.more",
    ),
    "scipy.ndimage": (
        "scipy.ndimage.select",
        "scipy.ndimage.transforms",
        "scipy.ndimage.generic",
        "scipy.ndimage.measurements",
        "scipy.ndimage.ndimage",
    ),
    "scipy.signal": (
        "scipy.signal.convolution",
        "scipy.signal.order",
        "scipy.signal.signal",
    ),
    "scipy.sparse": (
        "scipy.sparse.other_forms",
        "scipy.sparse.doors",
        "scipy.sparse.assembly",
        "scipy.sparse.blocks",
    ),
    "scipy.sparse.csgraph": ("scipy.sparse.csgraph",),
    "scipy.sparse.linalg": ("scipy.sparse.direct", "scipy.sparse.linalg", "scipy.sparse.operators"),
    "scipy.spatial": ("scipy.spatial.distance", "scipy.spatial.hulls", "scipy.spatial.trees"),
    "scipy.spatial.transform": ("scipy.spatial.rotations",),
    "scipy.special": ("scipy.special",),
    "scipy.stats": (
        "scipy.stats.continuous",
        "scipy.stats.discrete",
        "scipy.stats.moments",
        "scipy.stats.kernel_density",
        "scipy.stats.multivariate",
        "scipy.stats.ranks",
        "scipy.stats.rectangles",
        "scipy.stats.samples",
        "scipy.stats.summaries",
    ),
}
# solvers need the modes: their records stand above this floor
_ABOVE = {
    "scipy.integrate": ("chainrule.implicit.integrate",),
    "scipy.optimize": ("chainrule.implicit.optimize",),
    "scipy.sparse.linalg": ("chainrule.implicit.sparse",),
}
for _package in _LATE | _ABOVE:
    _modules = (f"{__name__}.{module}" for module in _LATE.get(_package, ()))
    registry.load_with(_package, *_modules, *_ABOVE.get(_package, ()))

__all__ = ["numpy", "registry", "scalars", "structure"]

"""What SciPy compiled is met wherever it is named from: ``scipy.optimize.f``, as after ``from``."""

import sys
from operator import is_

import numpy as np
import scipy

import chainrule as cr
from chainrule.core import registry
from chainrule.tracing import names

registry.load_all()
PLACES = sorted(
    f"{module}.{name}"
    for module in list(sys.modules)
    if module.startswith("scipy.") and hasattr(sys.modules[module], "__path__")
    and module != "scipy.fft"  # which asks its own backends
    and not any(p.startswith("_") for p in module.split("."))
    for name in getattr(sys.modules[module], "__all__", ())
    if any(getattr(sys.modules[module], name, None) is f for f in registry.swapped_functions())
)


def test_every_name_in_every_module_has_its_door():
    assert {"scipy.spatial.cKDTree", "scipy.sparse.csgraph.dijkstra"} <= set(PLACES)

    without = []

    def f(x):
        for place in PLACES:
            found = scipy
            for part in place.split(".")[1:]:
                found = getattr(found, part)
            if is_(found, names.original(found)):  # the word `is` sees no difference here
                without.append(place)
        return x

    assert cr.grad(f)(1.0) == 1.0
    assert not without


def test_by_the_modules():
    points = np.array([[0, 0], [1, 0], [0, 1.0], [1, 1]])
    x = np.array([0.7, 1.3, 0.4, 0.9])
    inside = cr.grad(lambda x: scipy.interpolate.LinearNDInterpolator(points, x)(0.3, 0.4))(x)
    np.testing.assert_allclose(inside, [0.6, 0.0, 0.1, 0.3], atol=1e-15)
    near = lambda x: scipy.spatial.cKDTree(x.reshape(2, 2)).query([0.4, 0.9])[0]  # noqa: E731
    np.testing.assert_array_equal(cr.grad(near)(np.array([4.0, 0.9, 3.4, 0.9])), [0, 0, 1, 0])

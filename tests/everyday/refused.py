"""Programs that are refused today, each with the reason; a test says when one becomes right."""

REFUSED = {
    "bayes.bivariate_normal_logpdf": "scipy.stats.multivariate_normal has no record",
    "electromagnetism.multipole_polynomial": "np.polyder of a np.poly1d reads plain coefficients",
    "epidemiology.negative_binomial_deaths": "scipy.stats: discrete distributions have no record",
    "graphics.rotated_mesh_volume": "scipy.spatial.transform.Rotation is compiled: no record",
    "graphs.algebraic_connectivity": "scipy.sparse.csgraph.laplacian has no record",
    "graphs.stationary_by_null_space": "the basis of a null space is no function of the matrix",
    "operations.base_stock_backorders": "scipy.stats: discrete distributions have no record",
    "robotics.rotation_from_euler": "scipy.spatial.transform.Rotation is compiled: no record",
    "structures.move_a_truss_node": "a store into the copy of a module's constant, made by .copy()",
}

"""Programs that are refused today, each with the reason; a test says when one becomes right."""

REFUSED = {
    "electromagnetism.multipole_polynomial": "np.polyder of a np.poly1d reads plain coefficients",
    "structures.move_a_truss_node": "a store into the copy of a module's constant, made by .copy()",
}

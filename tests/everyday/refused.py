"""Programs that are refused today, each with the reason; a test says when one becomes right."""

REFUSED = {
    "electromagnetism.multipole_polynomial": "np.polyder of a np.poly1d reads plain coefficients",
}

"""The two worked documents: their numbers, computed here without the library, and golden files."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from chainrule.explain import draw, explain

from . import worked

GOLDEN = Path(__file__).parents[1] / "golden" / "explain"
CASES = {
    "sine": (worked.sine, (0.5,)),
    "branch": (worked.branch, (2.0,)),
    "net": (worked.net, worked.point()),
    "batch": (worked.batch, worked.batch_point()),
}
NOISE = re.compile(r".*(central difference|complex step|is the worst).*\n")


def test_numbers_of_the_sine():
    text = explain(worked.sine, 0.5).text()
    v̄3 = np.cos(4.0)
    for shown in ("2 · v₂ = 2 · 2", "cos(v₃) = cos(4)", f"{v̄3:.6g}", f"{v̄3 * 4:.6g}",
                  f"{v̄3 * 8:.6g}", "1 path, over 4 edges"):  # fmt: skip
        assert shown.replace("-", "−") in text
    assert "dy/dx = 4 · (2 · x + 1) · cos((2 · x + 1)²)" in text
    assert explain(worked.sine, 0.5).gradient == pytest.approx(v̄3 * 8, rel=1e-15)


def test_numbers_of_the_branch():
    text = explain(worked.branch, 2.0).text()
    assert "0.909297 − 0.832294  ≈ 0.0770038" in text
    assert "2 of 2 arrived" in text


def test_numbers_of_the_network():
    """δ² = r, δ¹ = W₂ᵀ δ² ⊙ φ′(u¹), and the four gradients, by plain NumPy."""
    params, x, t = worked.point()
    u1 = params["W1"] @ x + params["b1"]
    z1 = np.tanh(u1)
    r = params["W2"] @ z1 + params["b2"] - t
    delta1 = params["W2"].T @ r * (1 - z1**2)
    derivation = explain(worked.net, params, x, t)
    g = derivation.gradient
    np.testing.assert_allclose(g["W2"], np.outer(r, z1), rtol=1e-14)
    np.testing.assert_allclose(g["b2"], r, rtol=1e-14)
    np.testing.assert_allclose(g["W1"], np.outer(delta1, x), rtol=1e-13)
    np.testing.assert_allclose(g["b1"], delta1, rtol=1e-13)
    text = derivation.text()
    for line in (
        "δ² = r",
        "W̄₂ = δ² z₁ᵀ",
        "δ¹ = W₂ᵀ δ² ⊙ tanh′(u₁)",
        "W̄₁ = δ¹ xᵀ",
        "b̄₁ = δ¹",
        "(3) = (3×1)(1) ⊙ (3) ✓",
        "(3×2) = (3×1)(1×2) ✓",
        "computed once, used 3×",
    ):
        assert line in text, line
    cost = derivation.document["cost"]
    assert cost["value"]["total"] == 24
    assert cost["reverse"]["per_sweep"]["total"] == 22
    assert (cost["reverse"]["sweeps"], cost["forward"]["sweeps"]) == (1, 13)


def test_the_users_orientation_is_kept():
    """Code with x @ W prints X W and W̄ = Xᵀ δ; repeated biases are summed in sight."""
    text = explain(worked.batch, *worked.batch_point()).text()
    assert "δ² = δ³ W₂ᵀ ⊙ tanh′" in text
    assert "sum(δ², axis=0)" in text
    assert "= h⁽¹⁾ᵀ δ²" in text
    assert "Σ over axis 0 of (5×4) ✓" in text


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("suffix", ["txt", "md", "tex", "svg", "json"])
def test_golden_files(name, suffix):
    function, point = CASES[name]
    derivation = explain(function, *point)
    shown = {"txt": derivation.text, "md": derivation.markdown, "tex": derivation.latex,
             "json": derivation.json, "svg": draw(function, *point).svg}[suffix]()  # fmt: skip
    file = GOLDEN / f"{name}.{suffix}"
    if os.environ.get("CHAINRULE_GOLDEN") == "write":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(shown, encoding="utf-8")
    kept = file.read_text(encoding="utf-8")
    if suffix == "json":
        assert_close(json.loads(shown), json.loads(kept), "")
    else:
        assert NOISE.sub("", shown) == NOISE.sub("", kept)


def assert_close(a, b, where):
    """Compare documents; a float may differ in its last digits between machines."""
    if isinstance(b, dict):
        assert a.keys() == b.keys(), where
        for k in b:
            if k not in ("check",):
                assert_close(a[k], b[k], f"{where}.{k}")
    elif isinstance(b, list):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_close(x, y, f"{where}[{i}]")
    elif isinstance(b, float):
        assert a == pytest.approx(b, rel=1e-9, abs=1e-12), where
    else:
        assert a == b, where

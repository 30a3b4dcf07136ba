"""Every example runs, and what it returns is right."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = sorted(EXAMPLES.glob("*.py"))


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_example_is_tested_here() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in FILES} <= tested


def test_nesting() -> None:
    slope, deep = load("nesting").main()
    assert slope == pytest.approx(-5.229148966908896, rel=1e-15)
    assert np.isfinite(deep)


def test_bracketings(capsys: pytest.CaptureFixture[str]) -> None:
    assert load("bracketings").main().shape == (1, 100)
    assert "reverse mode wins" in capsys.readouterr().out


def test_weather() -> None:
    t = 1.5
    np.testing.assert_allclose(
        load("weather").main(t), 12 * t + 30 * t**2 + 6 * t**5, rtol=1e-14
    )


def test_branches(capsys: pytest.CaptureFixture[str]) -> None:
    by_paths, whole = load("branches").main()
    np.testing.assert_allclose(by_paths, whole, rtol=1e-14)
    assert "sum over" in capsys.readouterr().out


def test_four_layers(capsys: pytest.CaptureFixture[str]) -> None:
    before, after = load("four_layers").main()
    assert after < 1e-3 * before
    differences = [
        float(line.split()[-1]) for line in capsys.readouterr().out.splitlines() if "delta" in line
    ]
    assert len(differences) == 4
    assert max(differences) < 1e-15


def test_own_rule() -> None:
    got, expected = load("own_rule").main()
    np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_programs() -> None:
    root, power, heat = load("programs").main()
    assert root == pytest.approx(0.5 / np.sqrt(2), rel=1e-9)
    assert power == pytest.approx(9 * 1.1**8, rel=1e-14)
    assert heat.sum() == pytest.approx(1, abs=0.01)  # little has reached the ends


def test_higher_orders() -> None:
    x, orders, g = load("higher_orders").main()
    np.testing.assert_allclose(x, 1, rtol=1e-8)
    s, c = np.sin(0.5), np.cos(0.5)
    np.testing.assert_allclose(orders, [c, -s, -c, s], rtol=1e-14)
    assert np.isfinite(g).all()


def test_cost() -> None:
    (ratio,) = load("cost").main(sizes=(1000,))
    assert ratio > 0  # the bound is measured in benchmarks/eager.py


def test_two_layers() -> None:
    module = load("two_layers")
    assert module.loss(**module.inputs) == pytest.approx(2.83655, abs=1e-5)


def test_patterns(capsys: pytest.CaptureFixture[str]) -> None:
    jacobian, y = load("patterns").main()
    assert jacobian.colours.count <= 8
    assert jacobian.pattern.nnz == 400
    assert np.isfinite(y).all()
    assert "in the place of 100" in capsys.readouterr().out

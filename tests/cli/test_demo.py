"""The main job on real input: the figures, the training, the report folder."""

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import chainrule
from chainrule.cli import demo
from chainrule.cli.demo import examples
from chainrule.cli.demo.network import four_neurons, loss
from chainrule.cli.demo.train import accuracy, adam, descend, initial, load_digits, train
from chainrule.cli.main import main


def test_the_figures_of_the_mission() -> None:
    value, g = chainrule.value_and_grad(four_neurons, argnums=tuple(range(8)))(*examples.NEURON)
    w1, _, w2, _, w3, b3, w4, b4 = g
    assert value == pytest.approx(40.5060365273, abs=1e-10)
    assert b4 == pytest.approx(-9.0006707003, abs=1e-10)
    assert w4 == pytest.approx(-8.994633948, abs=1e-9)
    assert b3 == pytest.approx(-0.0120694555, abs=1e-10)
    assert w3 == pytest.approx(-0.04827782, abs=1e-8)
    assert w2 == pytest.approx(-0.02413891, abs=1e-8)
    assert w1 == pytest.approx(-0.04827782, abs=1e-8)
    assert 1 - 0.1 * w4 == pytest.approx(1.8994633948, abs=1e-10)
    slope = chainrule.derivative(np.tanh)(4.0)
    assert slope == pytest.approx(0.001340950683, abs=1e-12)


def test_the_worked_examples() -> None:
    rows = examples.run_examples()
    verdicts = [row.verdict for row in rows]
    assert examples.WRONG not in verdicts
    assert {row.source for row in rows} == {"000 §2", "000 §5", "001", "002", "003 §3", "003 §5",
                                            "003 §10"}  # fmt: skip
    slips = [row for row in rows if row.verdict == examples.SLIP]
    assert [row.document for row in slips] == [
        "40.02", "0.0014", "-0.0126", "-0.0504", "“softmax”", "code"
    ]  # fmt: skip


def test_a_verdict_goes_by_the_digits_printed() -> None:
    def verdict(printed: str, value: float) -> str:
        return examples.figure("", "", printed, value, value).verdict

    assert verdict("0.9993", 0.99934) == examples.AGREES
    assert verdict("0.9993", 0.99936) == examples.LAST_DIGIT
    assert verdict("0.9993", 0.9995) == examples.SLIP
    assert verdict("0.0014", 0.00134) == examples.SLIP
    assert examples.figure("", "", "1.0", 1.0, 1.0 + 1e-9).verdict == examples.WRONG
    off = examples.formula("", "", "", lambda x: x, lambda x: x + 1e-9)
    assert off.verdict == examples.WRONG


def test_unset_names() -> None:
    assert examples.unset_names("def f(x):\n    return x + y") == ["y"]
    assert examples.unset_names("import a\nb = 1\ndef f(x):\n    return a + b + x") == []


def test_the_gradient_of_the_network_is_exact() -> None:
    digits, params = load_digits(), initial(3)
    x, y = digits.train_x[:, :7], digits.train_y[:, :7]
    chainrule.check_grads(lambda p: loss(p, x, y), (params,), order=1)


def test_the_updates() -> None:
    params, grads = {"w": np.array([1.0, 2.0])}, {"w": np.array([0.5, -4.0])}
    np.testing.assert_allclose(descend(0.1)(params, grads, 0.0)["w"], [0.95, 2.4])
    step = adam(0.1)(params, grads, 0.0)["w"]  # the first step of Adam is the rate itself
    np.testing.assert_allclose(step, [0.9, 2.1], rtol=1e-7)
    late = adam(0.1)(params, grads, 0.5)["w"]
    np.testing.assert_allclose(late, [0.95, 2.05], rtol=1e-7)


def test_the_digits_are_the_real_ones_and_a_fifth_is_held_out() -> None:
    digits = load_digits()
    assert digits.train_x.shape == (64, 1438)
    assert digits.test_x.shape == (64, 359)
    assert digits.train_y.sum() == 1438
    both = np.concatenate([digits.train_x, digits.test_x], axis=1)
    assert len(np.unique(both, axis=1).T) > 1790  # nothing is in both parts


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("demo") / "report"
    assert main(["demo", "--out", str(folder)]) == 0
    return folder, json.loads((folder / "figures.json").read_text(encoding="utf-8"))


def test_both_methods_reach_the_goal(report: Any) -> None:
    runs = report[1]["training"]
    assert [run["method"] for run in runs] == ["gradient descent", "Adam"]
    for run in runs:
        assert run["accuracy"] >= 0.97
        assert run["seconds"] < 30
        assert run["loss"][-1] < 0.2 * run["loss"][0]
        for norms in run["gradient_norms"].values():
            assert len(norms) == len(run["loss"])
            assert all(math.isfinite(n) and n > 0 for n in norms)


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src")]


def test_the_report_folder(report: Any) -> None:
    folder, _ = report
    links = Links()
    links.feed((folder / "index.html").read_text(encoding="utf-8"))
    markdown = re.findall(r"\]\(([^)]+)\)", (folder / "index.md").read_text(encoding="utf-8"))
    assert set(links.found) == set(markdown)
    assert {"network.svg", "network.md", "network.json", "training.svg", "gradients.svg"} <= set(
        markdown
    )
    for name in links.found:
        assert (folder / name).stat().st_size > 500, name
    for path in folder.glob("*.svg"):
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    text = (folder / "network.txt").read_text(encoding="utf-8")
    assert "δ³ = W₄ᵀ δ⁴ ⊙ tanh′(u₃)" in text
    assert "network.py:" in text


def test_json_goes_to_stdout_and_progress_to_stderr(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status = main(["demo", "--examples-only", "--json", "--out", str(tmp_path / "r")])
    out, err = capsys.readouterr()
    assert status == 0
    assert len(json.loads(out)["examples"]) == 23
    assert "worked examples" in err


def test_a_network_that_learns_too_little_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from chainrule.cli import demo

    digits = load_digits()
    poor = train("gradient descent", descend(1e-6), digits, epochs=1)
    assert poor.accuracy[-1] == accuracy(poor.parameters, digits) < 0.97
    monkeypatch.setattr(demo, "_train", lambda: [poor])
    assert main(["demo", "--out", str(tmp_path / "r")]) == 1
    assert "below 97%" in capsys.readouterr().out


def test_without_scikit_learn_the_cure_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    assert main(["demo", "--out", str(tmp_path / "r")]) == 2
    assert 'pip install "chainrule[demo]"' in capsys.readouterr().err


def test_without_matplotlib_the_rest_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from chainrule.cli.demo.report import _curves

    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    assert _curves(str(tmp_path), []) == []
    assert "no curves" in capsys.readouterr().err


def test_only_what_is_printed_is_said_to_agree() -> None:
    rows = examples.run_examples()
    words = demo.told(rows)
    assert all(row.document[0] != "“" for row in rows if row.verdict == examples.AGREES)
    assert sum(map(int, re.findall(r"\d+", words)[1:])) == len(rows)
    assert words.startswith(f"{len(rows) - 2} figures and formulas: 13 agree, 2 are cut")

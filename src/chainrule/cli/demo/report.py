"""The report folder: derivations, graphs, curves, and an index that links them."""

import html
import json
import os
from typing import Any

import numpy as np

from .examples import NEURON, Row
from .network import four_neurons, loss, predict
from .train import load_digits

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; font-size: 0.9rem }
td, th { padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; border-bottom: 1px solid #8884 }
td.n { text-align: right; font-variant-numeric: tabular-nums }
figure { margin: 1.5rem 0; overflow-x: auto }
img { max-width: 100%; background: #fff }
"""


def write_report(folder: str, rows: list[Row], histories: list[Any], figures: Any) -> str:
    """Write the folder and return the path of its index."""
    os.makedirs(folder, exist_ok=True)
    links = _derive(folder, "neurons", four_neurons, NEURON, tuple(range(8)))
    pictures = [("neurons.svg", "The network of 003 §10: values forward, gradients backward")]
    if histories:
        params, x, y = _worst_image(histories[-1].parameters)
        links += _derive(folder, "network", loss, (params, x, y), (0,))
        words = "The trained 4-layer network, on the held-out digit that it reads worst"
        pictures.append(("network.svg", words))
        pictures += _curves(folder, histories)
    _write(folder, "figures.json", json.dumps(figures, indent=1, ensure_ascii=False))
    links.append(("figures.json", "every figure of this run as data"))
    _write(folder, "index.md", _markdown(rows, histories, links, pictures))
    _write(folder, "index.html", _html(rows, histories, links, pictures))
    return os.path.join(folder, "index.html")


def _write(folder: str, name: str, text: str) -> None:
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else text + "\n")


def _worst_image(params: Any) -> tuple[Any, Any, Any]:
    """Return the held-out digit with the largest loss: there the gradients have much to say."""
    digits = load_digits()
    targets = np.eye(10)[digits.test_labels].T
    losses = np.sum((predict(params, digits.test_x) - targets) ** 2, axis=0)
    k = int(np.argmax(losses))
    return params, digits.test_x[:, k : k + 1].copy(), targets[:, k : k + 1].copy()


def _derive(
    folder: str, name: str, function: Any, args: Any, argnums: tuple[int, ...]
) -> list[tuple[str, str]]:
    """Write one derivation in every format, and its graph."""
    from ...explain import draw, explain

    derivation = explain(function, *args, argnums=argnums)
    _write(folder, f"{name}.txt", derivation.text())
    _write(folder, f"{name}.md", derivation.markdown())
    _write(folder, f"{name}.tex", derivation.latex())
    _write(folder, f"{name}.json", derivation.json())
    _write(folder, f"{name}.svg", draw(function, *args, argnums=argnums).svg())
    words = "derivation of the network of 003 §10" if name == "neurons" else (
        "derivation of the trained 4-layer network on that digit"
    )
    return [(f"{name}.{ending}", f"{words} ({kind})") for ending, kind in (
        ("txt", "text"), ("md", "Markdown"), ("tex", "LaTeX"), ("json", "JSON"),
    )]  # fmt: skip


def _curves(folder: str, histories: list[Any]) -> list[tuple[str, str]]:
    """Draw loss, accuracy and the gradient norm of every layer over the epochs."""
    try:
        import matplotlib
    except ImportError:
        from ..console import note

        note('no curves: matplotlib is missing (pip install "chainrule[demo]")')
        return []
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "chainrule", "font.size": 10}):
        for name, plot in (("training.svg", _plot_training), ("gradients.svg", _plot_norms)):
            figure = Figure(figsize=(10, 3.8), layout="constrained")
            plot(figure, histories)
            FigureCanvasSVG(figure).print_svg(
                os.path.join(folder, name), metadata={"Date": None}
            )  # type: ignore[no-untyped-call]
    return [
        ("training.svg", "Loss, and accuracy on the held-out fifth, by epoch"),
        ("gradients.svg", "Norm of the gradient of every layer's weights, mean over each epoch"),
    ]


_BLUE, _ORANGE, _GREEN, _GREY = "#0B5FA5", "#B3470B", "#1B7F5C", "#5A6472"


def _plot_training(figure: Any, histories: list[Any]) -> None:
    left, right = figure.subplots(1, 2)
    for history, colour in zip(histories, (_BLUE, _ORANGE), strict=False):
        epochs = range(1, len(history.loss) + 1)
        left.semilogy(epochs, history.loss, color=colour, label=history.method)
        right.plot(
            epochs, [100 * a for a in history.accuracy], color=colour,
            label=f"{history.method}: {history.accuracy[-1]:.2%}",
        )  # fmt: skip
    left.set(xlabel="epoch", ylabel="L = ½‖z − y‖², mean", title="training loss")
    right.axhline(97, color=_GREY, linewidth=1, linestyle=":", label="goal: 97%")
    right.set(xlabel="epoch", ylabel="%", title="accuracy on the held-out fifth", ylim=(80, 100))
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)


def _plot_norms(figure: Any, histories: list[Any]) -> None:
    both = figure.subplots(1, len(histories), sharey=True, squeeze=False)[0]
    styles = zip((_BLUE, _ORANGE, _GREEN, _GREY), ("-", "--", "-.", ":"), strict=True)
    looks = list(styles)
    for axes, history in zip(both, histories, strict=True):
        for (name, norms), (colour, style) in zip(history.norms.items(), looks, strict=True):
            epochs = range(1, len(norms) + 1)
            label = f"∂L/∂W{'₁₂₃₄'[int(name[1:]) - 1]}"
            axes.semilogy(epochs, norms, color=colour, linestyle=style, label=label)
        axes.set(xlabel="epoch", title=history.method)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    both[0].set_ylabel("‖gradient‖")


def figures_of(history: Any) -> tuple[str, ...]:
    """Return method, steps, loss, accuracy and seconds of a training run, as words."""
    return (
        history.method, f"{history.steps:,}", f"{history.loss[-1]:.5f}",
        f"{history.accuracy[-1]:.2%}", f"{history.seconds:.1f}",
    )  # fmt: skip


def _markdown(rows: list[Row], histories: list[Any], links: Any, pictures: Any) -> str:
    lines = ["# chainrule demo", "", "## Worked examples of the four documents", ""]
    lines += ["| document | example | it prints | computed | verdict | |", "|---" * 6 + "|"]
    for r in rows:
        cells = (r.source, r.what, r.document, r.computed, r.verdict, r.remark)
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    if histories:
        lines += ["", "## The 4-layer network on real digits", ""]
        lines += ["| method | steps | loss | held-out accuracy | seconds |", "|---" * 5 + "|"]
        lines += ["| " + " | ".join(figures_of(h)) + " |" for h in histories]
    for name, words in pictures:
        lines += ["", f"## {words}", "", f"![{words}]({name})"]
    lines += ["", "## Files", ""] + [f"- [{name}]({name}): {words}" for name, words in links]
    return "\n".join(lines)


def _html(rows: list[Row], histories: list[Any], links: Any, pictures: Any) -> str:
    def row(cells: Any, tag: str = "td", numbers: frozenset[int] = frozenset()) -> str:
        inner = "".join(
            f"<{tag}{' class=n' if i in numbers else ''}>{html.escape(c)}</{tag}>"
            for i, c in enumerate(cells)
        )
        return f"<tr>{inner}</tr>"

    parts = ["<h1>chainrule demo</h1>", "<h2>Worked examples of the four documents</h2>", "<table>"]
    parts.append(row(("document", "example", "it prints", "computed", "verdict", ""), "th"))
    for r in rows:
        cells = (r.source, r.what, r.document, r.computed, r.verdict, r.remark)
        parts.append(row(cells, numbers=frozenset({3})))
    parts.append("</table>")
    if histories:
        parts.append("<h2>The 4-layer network on real digits</h2><table>")
        parts.append(row(("method", "steps", "loss", "held-out accuracy", "seconds"), "th"))
        for h in histories:
            parts.append(row(figures_of(h), numbers=frozenset({1, 2, 3, 4})))
        parts.append("</table>")
    for name, words in pictures:
        text = html.escape(words)
        parts.append(f'<h2>{text}</h2><figure><img src="{name}" alt="{text}"></figure>')
    parts.append("<h2>Files</h2><ul>")
    parts += [f'<li><a href="{n}">{n}</a>: {html.escape(words)}</li>' for n, words in links]
    parts.append("</ul>")
    head = '<!doctype html><html lang="en"><meta charset="utf-8">'
    head += '<meta name="viewport" content="width=device-width, initial-scale=1">'
    return f"{head}<title>chainrule demo</title><style>{_STYLE}</style>\n" + "\n".join(parts)

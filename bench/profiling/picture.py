"""Picture of a profile: a bar for each layer, ours and ONNX Runtime's, in the network's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.plots import BAR, COLOURS, plt
from bench.profiling.layers import Timed
from kernels.terminal.printable import printable

SUFFIXES = (".png", ".svg", ".pdf")
LABEL = 56
"""Characters of a label, the end of a layer's name and its kind."""


def check(path: Path) -> None:
    """ValueError unless the name's ending is that of a picture that can be written."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--output {path}: the picture is {', '.join(SUFFIXES)} by the name's end")


def draw(path: Path, title: str, timed: Sequence[Timed], runtime: Mapping[str, float]) -> None:
    """Write the picture; `runtime` are seconds by layer, {} without ONNX Runtime."""
    figure, axes = plt.subplots(figsize=(9, 1.5 + (2 if runtime else 1) * BAR * len(timed) * 0.8))
    places = range(len(timed))
    height = 0.4 if runtime else 0.8
    ours = [1e3 * each.seconds for each in timed]
    axes.barh(places, ours, height, color=COLOURS["ours"], label="ours")
    if runtime:
        theirs = [1e3 * sum(runtime.get(name, 0.0) for name in each.names) for each in timed]
        below = [place + height for place in places]
        colour = COLOURS["onnxruntime"]
        label = "ONNX Runtime, what it fused at one of its layers"
        axes.barh(below, theirs, height, color=colour, label=label)
    labels = [_end(printable(f"{each.name}  {each.kind}")) for each in timed]
    axes.set_yticks([place + height / 2 * bool(runtime) for place in places], labels, fontsize=6)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlabel("ms")
    axes.set_title(printable(title), fontsize=9)
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=130, bbox_inches="tight")  # with labels that reach over the left edge
    plt.close(figure)


def _end(text: str) -> str:
    """The end of a text that is longer than LABEL, marked as one."""
    return text if len(text) <= LABEL else "…" + text[1 - LABEL :]

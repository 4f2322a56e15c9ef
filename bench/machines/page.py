"""Tables and chart of docs/machines.md: the model beside measured steps, and on larger machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

from bench.machines.links import BATCHES, CLUSTERS, Cluster, of_images
from bench.machines.measured import Run
from bench.machines.step import Compute, Step, efficiency, step

matplotlib.use("Agg")
from matplotlib import pyplot as plt

BEGIN, END = "<!-- machines: begin -->", "<!-- machines: end -->"
CHART = "machines.svg"


@dataclass(frozen=True)
class Measured:
    """A subject's computation, measured here on one thread; operations of an image."""

    title: str
    operations: float
    compute: Compute


def at(cluster: Cluster, count: int, batch: int, measured: Measured) -> tuple[Step, float]:
    """The step of a batch on so many nodes, one shard each, and the share of their speed used."""
    compute = of_images(cluster.compute(measured.compute, measured.operations), batch / count)
    link = cluster.between(count)
    return step(compute, link, count, count), efficiency(compute, link, count, count)


def pays(cluster: Cluster, batch: int, measured: Measured) -> int:
    """The largest number of nodes that are used by half at least, each with an image or more."""
    fitting = [n for n in cluster.counts if n <= batch]
    return max(n for n in fitting if at(cluster, n, batch, measured)[1] >= 0.5)


def text(runs: Sequence[Run], measured: Sequence[Measured], machine: str) -> str:
    """The part of the page between BEGIN and END."""
    held = _table(
        ("network", "processes", "step measured", "modelled", "hidden measured", "modelled"),
        _held(runs),
    )
    larger = _table(("network, batch", *(cluster.title for cluster in CLUSTERS)), _larger(measured))
    most = _table(("network, batch", *(cluster.title for cluster in CLUSTERS)), _pays(measured))
    return (
        f"Measured on {machine}:\n\n{held}\n"
        "Images a second on the largest number of nodes of each kind, and the share of their speed "
        f"that is used:\n\n{larger}\n"
        "The most nodes of which half the speed or more is used, where more stop paying:\n\n"
        f"{most}\n![Images a second over the number of nodes](bench/{CHART})\n"
    )


def _held(runs: Sequence[Run]) -> Iterator[list[str]]:
    for run in runs:
        modelled = run.modelled
        several = run.processes > 1
        yield [
            run.subject.title, str(run.processes), f"{1e3 * run.seconds:.0f} ms",
            f"{1e3 * modelled.seconds:.0f} ms", f"{run.hidden:.0%}" if several else "",
            f"{modelled.hidden:.0%}" if several else "",
        ]  # fmt: skip


def _larger(measured: Sequence[Measured]) -> Iterator[list[str]]:
    for one in measured:
        for batch in BATCHES:
            cells = []
            for cluster in CLUSTERS:
                count = max(n for n in cluster.counts if n <= batch)
                found, share = at(cluster, count, batch, one)
                cells.append(f"{count}: {batch / found.seconds:,.0f} ({share:.0%})")
            yield [f"{one.title}, {batch:,}", *cells]


def _pays(measured: Sequence[Measured]) -> Iterator[list[str]]:
    for one in measured:
        for batch in BATCHES:
            cells = [str(pays(cluster, batch, one)) for cluster in CLUSTERS]
            yield [f"{one.title}, {batch:,}", *cells]


def _table(header: Sequence[str], rows: Iterator[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def chart(measured: Sequence[Measured], path: Path) -> None:
    """Images a second over nodes: a panel for each network, a line for each kind and batch."""
    matplotlib.rcParams["svg.hashsalt"] = "machines"
    figure, panels = plt.subplots(1, len(measured), figsize=(11, 4.5), squeeze=False)
    styles = dict(zip(BATCHES, (":", "--", "-"), strict=True))
    for axes, one in zip(panels[0], measured, strict=True):
        for number, cluster in enumerate(CLUSTERS):
            for batch, style in styles.items():
                counts = [n for n in cluster.counts if n <= batch]
                speeds = [batch / at(cluster, n, batch, one)[0].seconds for n in counts]
                label = cluster.title if batch == BATCHES[-1] else None
                axes.plot(counts, speeds, style, color=f"C{number}", label=label)
        axes.set(xscale="log", yscale="log", xlabel="nodes", title=one.title)
        axes.set_xscale("log", base=2)
        axes.grid(True, alpha=0.3)
    panels[0][0].set_ylabel("images a second (modelled)")
    panels[0][0].legend(fontsize=7)
    batches = ", ".join(f"{batch:,}" for batch in BATCHES)
    figure.suptitle(f"Batches of {batches}: dotted, dashed, solid", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)

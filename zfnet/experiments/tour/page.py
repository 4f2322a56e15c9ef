"""Page of `zfnet tour`: the pretrained network, then one trained on drawn scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zfnet import pretrained
from zfnet.data import Dataset
from zfnet.evaluate import predict
from zfnet.experiments.evolution.claims import sentence, trend
from zfnet.experiments.evolution.grid import DOTS, SHOWN, evolution_grid
from zfnet.experiments.evolution.measure import evolution
from zfnet.experiments.features.cards import FEATURES, map_cards
from zfnet.experiments.features.measure import (
    centre_crop,
    choose_maps,
    project_strongest,
    strongest_activations,
)
from zfnet.experiments.occlusion.card import occlusion_card
from zfnet.experiments.occlusion.measure import occlusion_map
from zfnet.experiments.occlusion.pointing import region_in_crop
from zfnet.experiments.shared import pages
from zfnet.experiments.shared.photographs import Photograph, as_inputs
from zfnet.experiments.shared.results import Report
from zfnet.experiments.tour.first_look import add_first_look, add_projections
from zfnet.network import Network
from zfnet.report import Page, charts
from zfnet.report.numbers import percent

MAPS = 4
SQUARE, STRIDE = 20, 3
WATCHED = ("face", "car", "butterfly")
EVOLVING = ("conv1", "conv4")


@dataclass(eq=False)
class Findings:
    """The content of the page besides the network."""

    history: Sequence[dict[str, float]]
    seconds: float
    photographs: Sequence[Photograph]
    seed: int


def first_page(photographs: Sequence[Photograph], report: Report) -> Page:
    """The first page, with the pretrained network; takes seconds."""
    lead = (
        "Two networks, seen through: one that was trained on photographs and comes with the "
        "package, and one that this tour trains, from random weights, on drawn objects of which "
        "every pixel is known. The deconvnet shows for a network's maps the pixels that made them "
        "fire."
    )
    footer = "Made by `zfnet tour`, after Zeiler and Fergus, “Visualizing and Understanding "
    page = Page("What networks see", lead, kicker="zfnet tour",
                footer=footer + "Convolutional Networks”, 2013.")  # fmt: skip
    add_first_look(page, pretrained.load(), photographs, report)
    return page


def add_training(
    page: Page, network: Network, val: Dataset, run: Path, findings: Findings, report: Report
) -> None:
    """Sections about the network that was trained in the folder `run`; takes a minute."""
    probabilities, labels = predict(
        [network], val, progress=lambda d, t: report("looking at every class", d, t)
    )
    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    page.facts = _facts(network, findings, accuracy)
    _training(page, network, findings, probabilities, labels)
    _evolution(page, run, val, findings.seed, report)
    _features(page, network, val, findings.seed, report)
    _occlusion(page, network, val, probabilities, labels, report)
    _photographs(page, network, findings.photographs, report)
    _next(page)


def _facts(network: Network, findings: Findings, accuracy: float) -> tuple[tuple[str, str], ...]:
    minutes, seconds = divmod(round(findings.seconds), 60)
    trained = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    return (
        ("kinds of drawn objects", str(len(network.classes))),
        ("right on new ones", percent(accuracy, 1)),
        ("parameters", f"{network.model.parameter_count:,}"),
        ("epochs", str(len(findings.history))),
        ("training", trained),
        ("seed", str(findings.seed)),
    )


def _evolution(page: Page, run: Path, val: Dataset, seed: int, report: Report) -> None:
    """Maps of the lowest and of a high layer during training (Fig 4)."""
    snapshots = list(evolution(run, val, layers=EVOLVING, maps=4, seed=seed, report=report))
    section = page.section("How features develop", SHOWN)
    for layer in EVOLVING:
        grid = evolution_grid(snapshots, layer)
        section.subheading(f"`{layer}`")
        section.figure(charts.svg(grid), "", f"Maps of {layer} by epoch", pixelated=False,
                       width=round(grid.get_figwidth() * DOTS))  # fmt: skip
    section.paragraph(sentence(trend(snapshots)))


def _training(
    page: Page, network: Network, findings: Findings, probabilities: np.ndarray, labels: np.ndarray
) -> None:
    section = page.section(
        "A network learns to tell drawn objects apart",
        "Stochastic gradient descent with momentum 0.9 on random crops of scenes that our own "
        "generator draws. Position, size, rotation and light vary; all classes share colours.",
    )
    section.curves(findings.history, "Loss and accuracy by epoch.")
    classes = network.classes
    rows = [_class_row(c, classes, probabilities, labels) for c in range(len(classes))]
    section.table(["class", "images", "right", "else most often taken for"], rows)


def _class_row(
    label: int, classes: Sequence[str], probabilities: np.ndarray, labels: np.ndarray
) -> list[str]:
    answers = probabilities[labels == label].argmax(axis=1)
    counts = np.bincount(answers, minlength=len(classes))
    right, counts[label] = int(counts[label]), 0
    wrong = f"{classes[int(counts.argmax())]} ({counts.max()})" if counts.any() else "–"
    share = percent(right / len(answers)) if len(answers) else "–"
    return [classes[label], str(len(answers)), share, wrong]


def _features(page: Page, network: Network, val: Dataset, seed: int, report: Report) -> None:
    section = page.section("What excites each map", FEATURES)
    layers = network.model.convolutions
    strongest = strongest_activations(
        network, val, layers, progress=lambda d, t: report("strongest activations", d, t)
    )
    rng = np.random.default_rng(seed)
    for number, layer in enumerate(layers, start=1):
        report("projections", number, len(layers))
        maps = choose_maps(strongest[layer], MAPS, rng)
        found = project_strongest(network, val, strongest[layer], maps)
        section.fig2(pages.layer_title(network.model, layer), map_cards(found, val))


def _occlusion(
    page: Page,
    network: Network,
    val: Dataset,
    probabilities: np.ndarray,
    labels: np.ndarray,
    report: Report,
) -> None:
    section = page.section(
        "What the network looks at",
        f"A grey square of {SQUARE} × {SQUARE} pixels slides over an image. Where the probability "
        "of the true class falls, the square hid what the network needs. The true object is "
        "outlined: the dark spot should lie on it, and not on what lies about.",
    )
    cards = []
    for done, name in enumerate(WATCHED, start=1):
        label = network.classes.index(name)
        index = _typical(probabilities, labels, label)
        x = centre_crop(network, val, index)
        found = occlusion_map(network, x, label, square=SQUARE, stride=STRIDE)
        region = region_in_crop(network.preprocess, val.truth(index), val.image(index).shape)
        cards.append(occlusion_card(network, x, found, val.title(index), region))
        report("occlusion", done, len(WATCHED))
    section.occlusion(cards)


def _typical(probabilities: np.ndarray, labels: np.ndarray, label: int) -> int:
    """The image of a class with the median probability.

    In images with the highest probability a square changes too little.
    """
    images = np.flatnonzero(labels == label)
    by_sureness = images[np.argsort(probabilities[images, label], kind="stable")]
    return int(by_sureness[len(images) // 2])


def _photographs(
    page: Page, network: Network, photographs: Sequence[Photograph], report: Report
) -> None:
    section = page.section(
        "The drawn objects' network on photographs",
        "The second network on pictures of another kind than it ever saw: the strongest unit of "
        "each layer, projected. Deep layers know drawn objects only, and look for them here too.",
    )
    for done, (photograph, x) in enumerate(
        zip(photographs, as_inputs(network, photographs), strict=True), start=1
    ):
        section.subheading(photograph.name)
        add_projections(section, network, photograph, x)
        report("photographs", done, len(photographs))


def _next(page: Page) -> None:
    section = page.section("What to try next", "The same on pictures of your own:")
    section.code(
        "zfnet tour --out tour --image cat.jpg --image dog.jpg\n"
        "zfnet project --model tour/model --layer conv3 --map 5 cat.jpg\n"
        "zfnet features --model tour/model --data scenes --out features"
    )
    section.paragraph("A network of your own, from a folder with one folder of images per class:")
    section.code(
        "zfnet train --data DIR --out run --image-size 56 --width 0.5 --strides 2 1 --init he\n"
        "zfnet evaluate --model run --data DIR --ten-crops\n"
        "zfnet features --model run --data DIR --out run/features"
    )

"""First section of the tour: answers, projections and occlusion maps of the pretrained network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from zfnet import pretrained
from zfnet.experiments.occlusion.card import occlusion_card
from zfnet.experiments.occlusion.measure import occlusion_map
from zfnet.experiments.shared import pages
from zfnet.experiments.shared.photographs import Photograph, as_inputs, project_layers
from zfnet.experiments.shared.results import Report
from zfnet.network import Network
from zfnet.report import Page, Section
from zfnet.report.cards import projected_row
from zfnet.report.cropping import energy_window
from zfnet.report.numbers import percent, written
from zfnet.report.tiles import Row

SQUARE, STRIDE = 16, 3
LIKELY = 3


def add_first_look(
    page: Page, network: Network, photographs: Sequence[Photograph], report: Report
) -> None:
    """The filters, and for each photograph the answers, projections and occlusion map."""
    right = pretrained.history()[-1]["val_accuracy"]
    page.section(
        "A network that has seen photographs",
        f"This small ZFNet has {network.model.parameter_count:,} parameters and was trained with "
        "this engine, on two cores, on 100 classes of Tiny ImageNet: photographs of 64 × 64 "
        f"pixels. It is right on {percent(right)} of those that it never saw; chance is "
        f"{percent(0.01)}. It comes with the package, and every command uses it "
        "unless `--model` names another.",
    )
    pages.add_filters(page, network.model)
    section = page.section(
        "What it sees in a photograph",
        "Of each picture: the answers; then, layer by layer, the strongest unit's activation "
        "projected to the pixels by the deconvnet. Low layers respond to edges and colours "
        "anywhere, higher ones to larger parts. Last, a grey square slides over the picture: where "
        "the answer's probability falls, the square hid what it rests on.",
    )
    inputs = as_inputs(network, photographs)
    probabilities = network.probabilities(inputs)
    for done, (photograph, x, p) in enumerate(
        zip(photographs, inputs, probabilities, strict=True), start=1
    ):
        _add_photograph(section, network, photograph, x, p)
        report("a first look", done, len(photographs))


def _add_photograph(
    section: Section, network: Network, photograph: Photograph, x: np.ndarray, p: np.ndarray
) -> None:
    likely = np.argsort(-p)[:LIKELY]
    said = ", ".join(f"{network.classes[c]} {percent(p[c])}" for c in likely)
    section.subheading(photograph.name)
    section.paragraph(f"It says: {said}. It knows these 100 classes only, and has to choose.")
    add_projections(section, network, photograph, x)
    found = occlusion_map(network, x, int(likely[0]), square=SQUARE, stride=STRIDE)
    section.occlusion([occlusion_card(network, x, found, photograph.name, None)])


def add_projections(
    section: Section, network: Network, photograph: Photograph, x: np.ndarray
) -> None:
    """The preprocessed picture (3,S,S), and the projection of each layer's strongest unit."""
    picture = network.preprocess.to_pixels(x)
    found = project_layers(network, x, network.model.convolutions)
    projections = [projection.pixels for projection in found]
    windows = [energy_window([each]) for each in projections]
    labels = [f"{p.layer}, map {p.unit.map}, activation {written(p.value)}" for p in found]
    own = [1.0] * len(found)  # of layers, whose projections cannot be compared
    rows = [
        replace(projected_row("deconvnet", projections, windows), contrast=own),
        Row("picture", [picture] * len(found), over=False),
    ]
    name = photograph.credit or photograph.name
    section.tiles(rows, windows, labels, name=name, labels=labels)

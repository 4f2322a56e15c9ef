"""Results as sections of a page: what the tour and `zfnet features` write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from minidl import nn
from zfnet.data import Dataset
from zfnet.deconvnet import Projection
from zfnet.experiments.features.measure import MapPicture
from zfnet.experiments.occlusion.measure import OcclusionMap
from zfnet.inspectable import Visible
from zfnet.network import Network
from zfnet.notes import notes
from zfnet.report import MapCard, OcclusionCard, Page, Section, pictures

FEATURES = (
    "For some maps of each layer, drawn at random: the nine images of the data set that excite "
    "the map most. On the left of a card each of these activations is projected down to the pixels "
    "that caused it, by the deconvnet; on the right, tile for tile, stands the part of the image "
    "that the unit sees. What the nine have in common is what the map looks for; what differs is "
    "what it ignores."
)


def add_filters(page: Page, model: Visible) -> Section:
    """The first layer's filters at one common contrast."""
    first = model.convolutions[0]
    weight = _in_rgb(model, dict(model.named_parameters())[f"{first}.weight"].numpy())
    K, _, R, S = weight.shape
    section = page.section(
        "First-layer filters",
        f"All {K} filters of `{first}`, {R} × {S} pixels each, at one common contrast: grey is "
        "zero, and a weak filter looks weak.",
    )
    tiles = [pictures.enlarge(tile, 8) for tile in pictures.filters(weight)]
    columns = min(K, 12)
    return section.figure(
        pictures.mosaic(tiles, columns, 4),
        "Edges in some directions, blobs of colour: what the network asks of every patch first.",
        f"{K} small colour filters",
        pixelated=False,
        width=min(56 * columns, 680),
    )


def _in_rgb(model: Visible, weight: np.ndarray) -> np.ndarray:
    """Filters (K,3,R,S) that see red, green and blue, whatever order the network has inside."""
    for _, layer in model.children():
        if isinstance(layer, nn.Pixels):
            order, scale = layer.settings["order"], np.array(layer.settings["scale"])
            turned = np.empty_like(weight)
            turned[:, order] = weight * scale[:, None, None].astype(weight.dtype)  # (C,) -> (C,1,1)
            return turned
    return weight


def layer_title(model: Visible, layer: str) -> str:
    """ "Layer 3 (conv3) · each unit sees 75 × 75 pixels"."""
    h, w = model.receptive_field(layer, 0, 0).shape
    S, paper = model.image_size, layer.startswith("conv") and layer[4:].isdecimal()
    seen = f"{h} × {w} pixels" + (f" of {S} × {S}" if max(h, w) <= S else ": the whole image")
    named = f"Layer {layer[4:]} (`{layer}`)" if paper else f"`{layer}`"
    return f"{named} · a unit sees {seen}"


def add_notes(section: Section, model: Visible, layer: str | None = None) -> None:
    """What the rules do where the network has layers that the paper's has not."""
    found = notes(model, layer)
    if found:
        section.paragraph(f"Where this network differs from the paper's: {'; '.join(found)}.")


def map_cards(found: Sequence[MapPicture], dataset: Dataset) -> list[MapCard]:
    """A card a map, with the class that most of its nine images belong to."""
    return [
        MapCard(
            picture.map,
            picture.value,
            [projection.crop() for projection in picture.projections],
            picture.patches,
            _common_class(picture.images, dataset),
        )
        for picture in found
    ]


def _common_class(images: Sequence[int], dataset: Dataset) -> str:
    """ "7 of 9: face"; empty where there are no labels or no class repeats."""
    counts = Counter(dataset.label(i) for i in images)
    label, count = counts.most_common(1)[0]
    if label < 0 or count < 2:
        return ""
    return f"{count} of {len(images)}: {dataset.classes[label]}"


def occlusion_card(
    network: Network,
    x: np.ndarray,
    found: OcclusionMap,
    title: str,
    region: np.ndarray | tuple[int, int, int, int] | None,
) -> OcclusionCard:
    """The card of one image (3,S,S); `region` is its object in the pixels of the crop."""
    return OcclusionCard(
        title,
        network.preprocess.to_pixels(x),
        found.label,
        network.classes,
        found.square,
        found.probability,
        found.activation,
        found.winner,
        found.map,
        region,
        found.extent(),
        f"probability of {network.classes[found.label]} without the square: {found.clear:.0%}",
    )


def projection_picture(projection: Projection) -> np.ndarray:
    """A projection over the whole image, (S,S,3) uint8, at the contrast of its own field."""
    return pictures.contrast_stretch(projection.pixels)

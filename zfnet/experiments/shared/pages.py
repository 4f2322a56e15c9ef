"""Parts of a page that several experiments share: filters, layer titles, notes."""

from __future__ import annotations

import numpy as np

from minidl import nn
from zfnet.inspectable import InspectableGraph
from zfnet.projection_rules import notes
from zfnet.report import Page, Section, pictures


def add_filters(page: Page, model: InspectableGraph) -> None:
    """The first layer's filters at one common contrast, where it is a convolution of colours."""
    first = [*model.convolutions, ""][0]
    weight = dict(model.named_parameters())[f"{first}.weight"].numpy() if first else np.empty(0)
    if weight.ndim != 4 or weight.shape[1] not in (1, 3):
        return
    weight = _in_rgb(model, weight) if weight.shape[1] == 3 else np.repeat(weight, 3, axis=1)
    K, _, R, S = weight.shape
    section = page.section(
        "First-layer filters",
        f"All {K} filters of `{first}`, {R} × {S} pixels each, at one common contrast: grey is "
        "zero, and a weak filter looks weak.",
    )
    tiles = [pictures.enlarge(tile, 8) for tile in pictures.filters(weight)]
    # As many columns as leave no empty place in the last row, if there is such a number.
    columns = next((c for c in range(min(K, 16), 7, -1) if K % c == 0), min(K, 12))
    section.figure(
        pictures.mosaic(tiles, columns, 4),
        "What the network asks of every patch of the image first.",
        f"{K} small colour filters",
        pixelated=False,
        width=min(56 * columns, 680),
    )


def _in_rgb(model: InspectableGraph, weight: np.ndarray) -> np.ndarray:
    """Filters (K,3,R,S) with channels red, green and blue, whatever the network's order."""
    for _, layer in model.children():
        if isinstance(layer, nn.Pixels):
            order, scale = layer.settings["order"], np.array(layer.settings["scale"])
            in_rgb = np.empty_like(weight)
            in_rgb[:, order] = weight * scale[:, None, None].astype(weight.dtype)  # (C,) -> (C,1,1)
            return in_rgb
    return weight


def layer_title(model: InspectableGraph, layer: str) -> str:
    """ "Layer 3 (conv3) · receptive field 75 × 75 pixels of 224 × 224"."""
    _, P, Q = model.unit_planes(layer)
    numbered = isinstance(model, nn.Sequential)  # as the paper numbers its layers
    S, paper = model.image_size, numbered and layer.startswith("conv") and layer[4:].isdecimal()
    (h, w), (a, b) = (
        model.receptive_field(layer, P // 2, Q // 2, held=held).shape for held in (True, False)
    )
    field = f"{h} × {w} pixels" + (f" of {S} × {S}" if min(h, w) < S else ": the whole image")
    if (a, b) != (h, w):
        field += ", without the gates, which see more"
    named = f"Layer {layer[4:]} (`{layer}`)" if paper else f"`{layer}`"
    return f"{named} · receptive field {field}"


def add_notes(section: Section, model: InspectableGraph, layer: str | None = None) -> None:
    """A paragraph about the rules at layers that the paper's network does not have."""
    found = notes(model, layer)
    if found:
        section.paragraph(f"Where this network differs from the paper's: {'; '.join(found)}.")

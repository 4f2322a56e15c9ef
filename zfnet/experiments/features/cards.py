"""Cards of feature maps for a page (paper, Fig 2), and the text above them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from zfnet.data import Dataset
from zfnet.experiments.features.measure import MapPicture
from zfnet.report import MapCard

FEATURES = (
    "For some maps of each layer, drawn at random: the nine images of the data set that excite "
    "the map most. On the left of a card each of these activations is projected down to the pixels "
    "that caused it, by the deconvnet; on the right, tile for tile, stands the part of the image "
    "in the unit's receptive field. What the nine have in common is what the map looks for; what "
    "differs is what it ignores."
)


def map_cards(found: Sequence[MapPicture], dataset: Dataset) -> list[MapCard]:
    """A card per map, with the class that most of its nine images belong to."""
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

"""Cards of feature maps for a page (paper, Fig 2), and the text above them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from zfnet.data import Dataset
from zfnet.experiments.features.measure import MapPicture
from zfnet.report import MapCard
from zfnet.report.cards import HOW
from zfnet.report.numbers import written

FEATURES = (
    "For some maps of each layer, drawn at random: the images of the data set that excite the map "
    "most, nine at most, the strongest first. Each of these activations is projected down to the "
    "pixels that caused it; beside it, tile for tile, stands the part of the image in the unit's "
    "receptive field. What they have in common is what the map looks for; what differs is what it "
    f"ignores. {HOW}"
)


def map_cards(
    found: Sequence[MapPicture],
    dataset: Dataset,
    *,
    by: str = "deconvnet",
    others: Mapping[str, Sequence[MapPicture]] | None = None,
) -> list[MapCard]:
    """A card per map, with the class that most of its nine images belong to.

    by: the name of the rules of `found`; others: the same maps by other rules.
    """
    return [
        MapCard(
            picture.map,
            picture.value,
            _crops(picture),
            picture.patches,
            _common_class(picture.images, dataset),
            by,
            {name: _crops(same[n]) for name, same in (others or {}).items()},
            list(_titles(picture, dataset)),
        )
        for n, picture in enumerate(found)
    ]


def _crops(picture: MapPicture) -> list[np.ndarray]:
    return [projection.crop() for projection in picture.projections]


def _titles(picture: MapPicture, dataset: Dataset) -> Iterator[str]:
    """ "n01440764_tench.JPEG, activation 3,868, rows 40 to 180, columns 12 to 152"."""
    for image, projection in zip(picture.images, picture.projections, strict=True):
        b = projection.box
        yield (
            f"{dataset.title(image)}, activation {written(projection.value)}, rows {b.top} to "
            f"{b.bottom}, columns {b.left} to {b.right}"
        )


def _common_class(images: Sequence[int], dataset: Dataset) -> str:
    """ "7 of 9: face"; empty where there are no labels or no class repeats."""
    counts = Counter(dataset.label(i) for i in images)
    label, count = counts.most_common(1)[0]
    if label < 0 or count < 2:
        return ""
    return f"{count} of {len(images)}: {dataset.classes[label]}"

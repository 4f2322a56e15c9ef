"""Attribution of one unit of each image to the pixels, which a notebook displays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from PIL import Image

from zfnet.attribution.drawing import coloured, limit, scale
from zfnet.deconvnet import Unit
from zfnet.report.encoding import enlarge, png
from zfnet.report.pictures import contrast_stretch

Kind = Literal["colours", "signed", "positive"]
"""What the values are: a picture about grey, shares of both signs, or sizes from 0 up."""
SHOWN = 224
"""Pixels of the side of a map's picture, at least."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """What the pixels of N images have to do with one unit of each.

    method:  the name in `METHODS`; `settings` are all of its settings as they were used.
    layer:   the units' layer, `units` one for each image, `outputs` (N,) their values.
    values:  (N,C,H,W), float32 unless another type was asked for.
    map:     (N,H,W), one number a pixel: by the method the sum over the colours, or the largest
             absolute value.
    kind:    "colours", "signed" or "positive": how it is drawn.
    gap:     (N,) for methods whose sum of `values` should be the unit's value (relevance) or its
             difference from that of the baseline (integrated gradients): what is missing.
    """

    method: str
    layer: str
    units: tuple[Unit, ...]
    outputs: np.ndarray
    values: np.ndarray
    map: np.ndarray
    kind: Kind
    gap: np.ndarray | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    def picture(self, n: int = 0) -> Image.Image:
        """Image n: colours about grey, or the map beside its scale: red above zero, blue below."""
        return Image.fromarray(self.drawn(n))

    def drawn(self, n: int = 0) -> np.ndarray:
        """The same as an array (H,W,3) uint8."""
        if self.kind == "colours":
            return contrast_stretch(self.values[n])
        signed, largest = self.kind == "signed", limit(self.map[n])
        times = -(-SHOWN // self.map.shape[1])
        picture = enlarge(coloured(self.map[n], signed, largest), times)
        return np.concatenate([picture, scale(largest, signed, len(picture))], axis=1)

    def _repr_png_(self) -> bytes:
        return png(np.concatenate([self.drawn(n) for n in range(len(self))], axis=1))

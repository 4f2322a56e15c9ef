"""Settings of a network by name: its size, width, depth and stem, stored with its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from zfnet.documented import documented

Name = Literal["resnet18", "resnet34", "mobilenet_v2", "vgg11_bn"]
WIDEST, MOST_BLOCKS = 16, 64
SMALL, MIDDLE = 48, 112
"""The largest sides, in pixels, for which the stem shrinks by 1 and by 2."""


@dataclass(frozen=True)
class NamedSettings:
    """A network by name. The input is (N, 3, image_size, image_size).

    The published networks take images of 224 pixels, whose first layers shrink them to a quarter at
    once; of an image of 64 pixels little would be left. `stem` is the factor of the first layers:
    4 as published, 2 or 1 for small images, where a 3 x 3 convolution takes the place of the large
    one and strides and pools are left out, as is usual for Tiny ImageNet and CIFAR.
    """

    network: Name
    num_classes: int = 1000
    image_size: int = 224
    width: float = 1.0
    blocks: tuple[int, ...] = documented(
        (), "Blocks of each stage, fewer stages too: 1,1,1,1 (default: as published)."
    )
    stem: int = documented(
        0, "Factor by which the first layers shrink: 4 as published, 2, 1 (0: by --image-size)."
    )
    dropout: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", tuple(self.blocks))  # JSON has lists
        for name, least, most in (("num_classes", 1, 1 << 24), ("image_size", 1, 1 << 16),
                                  ("seed", 0, math.inf)):  # fmt: skip
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise ValueError(f"{name} must be a whole number from {least} on, got {value!r}")
        if not 0 < self.width <= WIDEST:
            raise ValueError(f"width must be above 0 and at most {WIDEST}, got {self.width}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}")
        if self.stem not in (0, 1, 2, 4):
            raise ValueError(f"stem must be 1, 2 or 4, or 0 for the image's size, got {self.stem}")
        if not all(isinstance(n, int) and 1 <= n <= MOST_BLOCKS for n in self.blocks):
            raise ValueError(f"blocks must be numbers from 1 to {MOST_BLOCKS}, got {self.blocks}")

    @property
    def shrinking(self) -> int:
        """The factor of the stem; where none is given, that of the image's size."""
        if self.stem:
            return self.stem
        return 1 if self.image_size <= SMALL else 2 if self.image_size <= MIDDLE else 4

    def scaled(self, maps: int) -> int:
        """So many maps of the published network in this one."""
        return max(1, round(maps * self.width))

    def staged(self, published: tuple[int, ...]) -> tuple[int, ...]:
        """Blocks of each stage, of a network that has `published`; ValueError for more stages."""
        if len(self.blocks) > len(published):
            raise ValueError(
                f"blocks {self.blocks} are of {len(self.blocks)} stages; {self.network} has "
                f"{len(published)}: {','.join(map(str, published))}"
            )
        return self.blocks or published

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> NamedSettings:
        """The inverse of `as_json`; ValueError for settings of no network."""
        unknown = sorted(map(str, stored.keys() - {f.name for f in fields(cls)}))
        if unknown or "network" not in stored:
            raise ValueError(f"no settings of a network by name: {', '.join(unknown) or 'no name'}")
        try:
            return cls(**stored)
        except TypeError as error:
            raise ValueError(f"these are not the settings of a network: {error}") from None

"""Settings of a network's architecture, stored with its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zfnet.documented import documented

Norm = Literal["lcn", "lrn"] | None
Architecture = Literal["zfnet", "alexnet"]

OWN: Mapping[Architecture, dict[str, Any]] = {
    "zfnet": {},
    "alexnet": {"strides": (4, 1), "paddings": (2, 2), "norm_before_pool": True},
}
"""Where an architecture's defaults differ from those of `Settings`."""

FIRST_TWO = "Of conv1 and conv2 (default: the architecture's)."
REMOVABLE = (3, 4, 6, 7)
"""The layers that Table 3 removes: no pool follows them."""


@dataclass(frozen=True)
class ConvSpec:
    """One convolution layer: filters, kernel size, stride, padding, and the layers behind it."""

    filters: int
    size: int
    stride: int = 1
    padding: int = 0
    pooled: bool = False
    normalised: bool = False


@dataclass(frozen=True)
class Settings:
    """The architecture of a network; its file has it beside the weights.

    The input is (N, 3, image_size, image_size). The layers of Fig 3 have 96, 256, 384, 384, 256
    maps and 4096 units, each times `width`. `norm` is on layers 1 and 2: "lcn" normalises contrast
    (Jarrett et al.), "lrn" responses across channels. `pool_ceil` gives pools 1 and 2 ceil_mode and
    no padding, as cuda-convnet has them, in place of padding 1: the same sizes, other windows.
    `init` is a standard deviation of 1e-2 (section 3), or He et al. 2015 for small networks, where
    conv1, whose inputs are as large as pixels, and fc8 keep the paper's. Layers that are left out
    do not change the names of the others.
    """

    architecture: Literal["zfnet", "alexnet"] = documented(
        "zfnet", "The paper's network, or its point of comparison."
    )
    num_classes: int = 1000
    image_size: int = documented(224, "Side of a crop, in pixels.")
    width: float = documented(1.0, "Maps and units, as a share of the paper's.")
    variant: Literal["a", "b"] = documented("a", "b: 512, 1024, 512 maps in layers 3 to 5.")
    norm: Literal["lcn", "lrn"] | None = documented(
        "lcn", "Contrast or local response normalisation of layers 1 and 2."
    )
    norm_before_pool: bool = documented(
        False, "Normalise before pooling, as published ZF networks do; the paper pools first."
    )
    strides: tuple[int, int] = documented((2, 2), FIRST_TWO)
    paddings: tuple[int, int] = documented((1, 0), FIRST_TWO)
    hidden: tuple[int, int] | None = documented(
        None, "Units of fc6 and fc7 (default: 4096 times --width)."
    )
    pool_ceil: bool = documented(False, "cuda-convnet's pooling windows.")
    pool5_padding: int = documented(0, "Of the last pool.")
    dropout: float = documented(0.5, "Probability on layers 6 and 7.")
    init: Literal["paper", "he"] = documented(
        "paper", "Standard deviation 1e-2, or He's, for small networks."
    )
    seed: int = 0
    without: tuple[int, ...] = documented((), "Layers left out, of 3, 4, 6, 7 (Table 3): 3,4.")

    @classmethod
    def of(cls, architecture: Architecture, **options: Any) -> Settings:
        """The settings of an architecture, with its own strides, paddings and order of layers."""
        return cls(architecture, **(OWN[architecture] | options))

    def layers(self) -> list[ConvSpec]:
        """The five convolution layers, including those that `without` names."""
        first, second = self._first_two()
        maps = {"a": (384, 384, 256), "b": (512, 1024, 512)}[self.variant]
        third, fourth, fifth = (self.scaled(m) for m in maps)
        return [
            first,
            second,
            ConvSpec(third, 3, padding=1),
            ConvSpec(fourth, 3, padding=1),
            ConvSpec(fifth, 3, padding=1, pooled=True),
        ]

    def _first_two(self) -> tuple[ConvSpec, ConvSpec]:
        size = 11 if self.architecture == "alexnet" else 7
        normalised = self.norm is not None
        (s1, s2), (p1, p2) = self.strides, self.paddings
        return (
            ConvSpec(self.scaled(96), size, s1, p1, pooled=True, normalised=normalised),
            ConvSpec(self.scaled(256), 5, s2, p2, pooled=True, normalised=normalised),
        )

    def scaled(self, maps: int) -> int:
        return max(1, round(maps * self.width))


def check(settings: Settings) -> None:
    """ValueError for a choice that does not exist or a number out of range."""
    choices: dict[str, Sequence[Any]] = {
        "architecture": ("zfnet", "alexnet"),
        "variant": ("a", "b"),
        "norm": ("lcn", "lrn", None),
        "init": ("paper", "he"),
    }
    for name, allowed in choices.items():
        value = getattr(settings, name)
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}")
    for name in ("num_classes", "image_size"):
        if getattr(settings, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(settings, name)}")
    if settings.hidden is not None and min(settings.hidden) < 1:
        raise ValueError(f"hidden must be two numbers of at least 1, got {settings.hidden}")
    if not 0 < settings.width <= 16:
        raise ValueError(f"width must be above 0 and at most 16, got {settings.width}")
    if not 0 <= settings.dropout < 1:
        raise ValueError(f"dropout must be at least 0 and below 1, got {settings.dropout}")
    left_out = set(settings.without)
    if not left_out <= set(REMOVABLE) or len(left_out) < len(settings.without):
        raise ValueError(
            f"without must name some of {REMOVABLE}, each once, got {settings.without}"
        )

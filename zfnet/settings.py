"""What a network is built from, as it is kept with its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Norm = Literal["lcn", "lrn"] | None

REMOVABLE = (3, 4, 6, 7)
"""The layers that Table 3 leaves out: no pool follows them."""


@dataclass(frozen=True)
class ConvSpec:
    """One convolution layer: filters, kernel size, stride, padding; what follows it."""

    filters: int
    size: int
    stride: int = 1
    padding: int = 0
    pooled: bool = False
    normalised: bool = False


@dataclass(frozen=True)
class Settings:
    """Everything that a network is built from; kept with its weights.

    num_classes, image_size: outputs; the input is (N, 3, image_size, image_size).
    width:           every layer's number of maps and units is the paper's times this.
    variant:         "a" as in Fig 3, "b" with 512, 1024, 512 maps in layers 3, 4, 5.
    norm:            "lcn" (Jarrett et al.), "lrn" (across channels) or None, on layers 1 and 2.
    norm_before_pool: normalise before pooling, as published ZF networks do; the paper pools first.
    strides:         of the first two convolutions; smaller images want smaller ones.
    paddings:        of the first two convolutions.
    hidden:          units of fc6 and fc7; None: 4096 times width.
    pool_ceil:       pools 1 and 2 with ceil_mode and no padding (cuda-convnet's habit) instead of
                     padding 1: the same sizes, other windows.
    pool5_padding:   of the last pool.
    dropout:         on layers 6 and 7.
    init:            "paper" (standard deviation 1e-2, section 3) or "he" (He et al. 2015, for small
                     networks; conv1, whose inputs are as large as pixels, and fc8 as in the paper).
    seed:            of the initial weights.
    without:         numbers of layers left out, of 3, 4, 6 and 7, as in Table 3; the others keep
                     their names.
    """

    architecture: Literal["zfnet", "alexnet"]
    num_classes: int = 1000
    image_size: int = 224
    width: float = 1.0
    variant: Literal["a", "b"] = "a"
    norm: Norm = "lcn"
    norm_before_pool: bool = False
    strides: tuple[int, int] = (2, 2)
    paddings: tuple[int, int] = (1, 0)
    hidden: tuple[int, int] | None = None
    pool_ceil: bool = False
    pool5_padding: int = 0
    dropout: float = 0.5
    init: Literal["paper", "he"] = "paper"
    seed: int = 0
    without: tuple[int, ...] = ()

    def layers(self) -> list[ConvSpec]:
        """The five convolution layers, those that `without` names among them."""
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

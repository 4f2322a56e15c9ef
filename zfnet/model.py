"""ZFNet and AlexNet with the paper's sizes, and smaller ones of the same kind.

A network is a `nn.Sequential` of named layers, so that every layer can be referred to by its name:
conv1 relu1 pool1 norm1, conv2 relu2 pool2 norm2, conv3 relu3, conv4 relu4, conv5 relu5 pool5,
flatten, fc6 relu6 dropout6, fc7 relu7 dropout7, fc8 (Zeiler, Fergus 2013, Fig 3); `without`
leaves some of them out (Table 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from minidl import init, nn
from zfnet.inspectable import InspectableGraph
from zfnet.settings import ConvSpec, Norm, Settings, check


@dataclass(frozen=True)
class Weighted:
    """A layer with weights that are not drawn yet: the shape of its weight, and how to draw it."""

    shape: tuple[int, ...]
    settings: Mapping[str, Any]
    drawn: Callable[[np.random.Generator], nn.Module]


class ConvNet(InspectableGraph, nn.Sequential):
    """Five convolution layers, three fully connected ones or fewer, built from `Settings`."""

    def __init__(self, settings: Settings) -> None:
        check(settings)
        self.settings = settings
        rng = np.random.default_rng(settings.seed)
        planned = _planned(settings).items()
        super().__init__(
            **{n: each.drawn(rng) if isinstance(each, Weighted) else each for n, each in planned}
        )
        for name, parameter in self.named_parameters():
            as_in_the_paper = settings.init == "paper" or name in ("conv1.weight", "fc8.weight")
            if name.endswith(".weight") and as_in_the_paper:
                parameter.assign(init.normal(parameter.shape, 1e-2, rng))

    @property
    def image_size(self) -> int:
        """S of the images (N,3,S,S)."""
        return self.settings.image_size

    @property
    def num_classes(self) -> int:
        """Number of scores."""
        return self.settings.num_classes


class ZFNet(ConvNet):
    """The paper's network (Fig 3): 62,357,608 parameters for 1000 classes at 224 x 224.

    `options` are the fields of `Settings`. Raises ValueError, with the sizes, if the image is too
    small for the strides, TypeError for an option that does not exist.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        image_size: int = 224,
        width: float = 1.0,
        variant: Literal["a", "b"] = "a",
        norm: Norm = "lcn",
        norm_before_pool: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            Settings(
                "zfnet", num_classes, image_size, width, variant, norm, norm_before_pool, **options
            )
        )


class AlexNet(ConvNet):
    """The paper's point of comparison (Fig 6, Tables 2 and 3), on one device: groups are 1."""

    def __init__(
        self,
        num_classes: int = 1000,
        image_size: int = 224,
        width: float = 1.0,
        norm: Norm = "lrn",
        **options: Any,
    ) -> None:
        sizes = {"num_classes": num_classes, "image_size": image_size, "width": width}
        super().__init__(Settings.of("alexnet", norm=norm, **sizes, **options))


def build(
    settings: Mapping[str, Any], stored: Mapping[str, tuple[int, ...]] | None = None
) -> ConvNet:
    """The network of `ConvNet.settings` stored as JSON; ValueError if they describe none.

    stored: the shapes of the weights beside the settings. If they are not those of the settings, a
    ValueError says so before anything of the claimed size is allocated.
    """
    lists_to_tuples: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()
    }
    if "architecture" not in settings:
        raise ValueError("these are not the settings of a network: they name no architecture")
    try:
        described = Settings(**lists_to_tuples)
        if stored is not None:
            _require_shapes(described, stored)
        return ConvNet(described)
    except (OverflowError, TypeError) as error:
        raise ValueError(f"these are not the settings of a network: {error}") from None


def as_json(settings: Settings) -> dict[str, Any]:
    return asdict(settings)


def weight_shapes(settings: Settings) -> dict[str, tuple[int, ...]]:
    """The shape of every weight and bias by name; nothing is allocated."""
    found: dict[str, tuple[int, ...]] = {}
    for name, each in _planned(settings).items():
        if isinstance(each, Weighted):
            found |= {f"{name}.weight": each.shape, f"{name}.bias": each.shape[:1]}
    return found


def _require_shapes(settings: Settings, stored: Mapping[str, tuple[int, ...]]) -> None:
    check(settings)
    expected = weight_shapes(settings)
    missing, unknown = sorted(expected.keys() - stored.keys()), sorted(stored.keys() - expected)
    unlike = [
        f"{name} {stored[name]}, expected {shape}"
        for name, shape in expected.items()
        if name in stored and stored[name] != shape
    ]
    if missing or unknown or unlike:
        raise ValueError(
            f"the stored weights are not those of the settings: missing {missing or 'none'}, "
            f"unknown {unknown[:8] or 'none'}, {len(unlike)} of another shape: "
            f"{'; '.join(unlike[:2]) or 'none'}"
        )


def _planned(settings: Settings) -> dict[str, nn.Module | Weighted]:
    """The layers in order, those with weights not drawn yet."""
    layers, maps, side = _convolutions(settings)
    layers["flatten"] = nn.Flatten()
    features = maps * side * side
    hidden = settings.hidden or (settings.scaled(4096),) * 2
    for number, units in zip((6, 7), hidden, strict=True):
        if number in settings.without:
            continue
        layers[f"fc{number}"] = _linear(features, units)
        layers[f"relu{number}"] = nn.ReLU()
        layers[f"dropout{number}"] = nn.Dropout(settings.dropout, stream=number)
        features = units
    layers["fc8"] = _linear(features, settings.num_classes)
    return layers


def _conv(maps: int, spec: ConvSpec) -> Weighted:
    settings: dict[str, Any] = {"stride": spec.stride, "padding": spec.padding}
    return Weighted(
        (spec.filters, maps, spec.size, spec.size),
        settings,
        lambda rng: nn.Conv2d(maps, spec.filters, spec.size, **settings, rng=rng),
    )


def _linear(features: int, units: int) -> Weighted:
    return Weighted((units, features), {}, lambda rng: nn.Linear(features, units, rng=rng))


def _convolutions(settings: Settings) -> tuple[dict[str, nn.Module | Weighted], int, int]:
    """Layers 1 to 5 without those left out, and the maps and side of their output."""
    layers: dict[str, nn.Module | Weighted] = {}
    maps, side = 3, settings.image_size
    for number, spec in enumerate(settings.layers(), start=1):
        if number in settings.without:
            continue
        conv = _conv(maps, spec)
        layers[f"conv{number}"] = conv
        layers[f"relu{number}"] = nn.ReLU()
        side = _side_after(side, maps, conv, number, settings)
        following = _after_convolution(spec, number, settings)
        for name, layer in following.items():
            layers[name] = layer
            if isinstance(layer, nn.MaxPool2d):
                side = _pooled_side(side, layer, number, settings)
        maps = spec.filters
    return layers, maps, side


def _after_convolution(spec: ConvSpec, number: int, settings: Settings) -> dict[str, nn.Module]:
    """Pooling and normalisation of one layer in their order."""
    following: dict[str, nn.Module] = {}
    if spec.pooled:
        ceil = settings.pool_ceil and number < 5
        inner = 1 if settings.architecture == "zfnet" else 0
        padding = settings.pool5_padding if number == 5 else 0 if ceil else inner
        following[f"pool{number}"] = nn.MaxPool2d(3, 2, padding, ceil_mode=ceil)
    if spec.normalised:
        norm = nn.LocalContrastNorm() if settings.norm == "lcn" else nn.LocalResponseNorm()
        following[f"norm{number}"] = norm
    if settings.norm_before_pool:
        following = dict(reversed(following.items()))
    return following


def _side_after(side: int, maps: int, conv: Weighted, number: int, settings: Settings) -> int:
    try:
        g = ConvGeometry.of((1, maps, side, side), conv.shape, **conv.settings)
    except ValueError as error:
        raise ValueError(_misfit(settings, f"conv{number}", side, error)) from error
    return g.P


def _pooled_side(side: int, pool: nn.MaxPool2d, number: int, settings: Settings) -> int:
    try:
        return PoolGeometry.of((1, 1, side, side), **pool.settings).P
    except ValueError as error:
        raise ValueError(_misfit(settings, f"pool{number}", side, error)) from error


def _misfit(settings: Settings, layer: str, side: int, error: ValueError) -> str:
    return (
        f"images of {settings.image_size}x{settings.image_size} do not fit this network: {layer} "
        f"would get {side}x{side} pixels with strides {settings.strides} and paddings "
        f"{settings.paddings} ({error}); use larger images, smaller strides or more padding"
    )

"""Layer, group and instance normalisation as layers, named as in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from minidl import functional as F
from minidl.functional import arguments
from minidl.nn.module import Module, Parameter
from minidl.tensor import Tensor


class _Scaled(Module):
    """A normalisation, and the weight and bias that follow it, if there are any."""

    weight: Parameter | None
    bias: Parameter | None
    settings: dict[str, Any]

    def _own(self, shape: tuple[int, ...], weight: object, bias: object) -> None:
        """Initial ones and zeros, as far as they are wanted."""
        kind = type(self).__name__
        weighted = arguments.flag(weight, f"{kind}: affine")
        biased = weighted and arguments.flag(bias, f"{kind}: bias")
        self.weight = Parameter(np.ones(shape, np.float32)) if weighted else None
        self.bias = Parameter(np.zeros(shape, np.float32)) if biased else None

    @classmethod
    def of(
        cls, weight: np.ndarray | None = None, bias: np.ndarray | None = None, **settings: Any
    ) -> Self:
        """The layer with these arrays; `settings` are those of the layer, by name."""
        layer = cls(**settings)
        for name, array in (("weight", weight), ("bias", bias)):
            if array is not None:
                arguments.array(array, f"{cls.__name__}: {name}")
            setattr(layer, name, None if array is None else Parameter(array))
        return layer


class LayerNorm(_Scaled):
    """F.layer_norm with its own weight and bias of the shape `normalized_shape`, the last axes."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        one = isinstance(normalized_shape, int | np.integer)
        given = (normalized_shape,) if one else normalized_shape
        shape = arguments.sizes(given, "LayerNorm: normalized_shape")
        self.settings = {
            "normalized_shape": shape, "eps": arguments.number(eps, "LayerNorm: eps"),
        }  # fmt: skip
        self._own(shape, elementwise_affine, bias)

    def forward(self, x: Tensor) -> Tensor:
        shape, eps = self.settings["normalized_shape"], self.settings["eps"]
        return F.layer_norm(x, shape, self.weight, self.bias, eps)


class GroupNorm(_Scaled):
    """F.group_norm with its own weight and bias (C,)."""

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True
    ) -> None:
        groups = arguments.integer(num_groups, "GroupNorm: num_groups", least=1)
        channels = arguments.integer(num_channels, "GroupNorm: num_channels", least=0)
        if channels % groups:
            raise ValueError(f"GroupNorm: {groups} groups must divide the {channels} channels")
        self.settings = {
            "num_groups": groups, "num_channels": channels,
            "eps": arguments.number(eps, "GroupNorm: eps"),
        }  # fmt: skip
        self._own((channels,), affine, True)

    def forward(self, x: Tensor) -> Tensor:
        groups, eps = self.settings["num_groups"], self.settings["eps"]
        _check_channels(x, self.settings["num_channels"], "GroupNorm")
        return F.group_norm(x, groups, self.weight, self.bias, eps)


class RMSNorm(_Scaled):
    """F.rms_norm with its own weight of the shape `normalized_shape`, the last axes."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
    ) -> None:
        one = isinstance(normalized_shape, int | np.integer)
        given = (normalized_shape,) if one else normalized_shape
        shape = arguments.sizes(given, "RMSNorm: normalized_shape")
        self.settings = {
            "normalized_shape": shape,
            "eps": None if eps is None else arguments.number(eps, "RMSNorm: eps"),
        }
        self._own(shape, elementwise_affine, False)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.settings["normalized_shape"], self.weight, self.settings["eps"])


class InstanceNorm2d(_Scaled):
    """F.instance_norm of (N,C,H,W); weight and bias are (C,).

    The arguments are PyTorch's. Statistics are those of each sample; `momentum` is that of running
    ones, which are refused.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
    ) -> None:
        channels = arguments.integer(num_features, "InstanceNorm2d: num_features", least=0)
        arguments.number(momentum, "InstanceNorm2d: momentum")
        if arguments.flag(track_running_stats, "InstanceNorm2d: track_running_stats"):
            raise ValueError(
                "InstanceNorm2d: track_running_stats must be False: a sample's own statistics serve"
            )
        self.settings = {
            "num_features": channels, "eps": arguments.number(eps, "InstanceNorm2d: eps"),
        }  # fmt: skip
        self._own((channels,), affine, True)

    def forward(self, x: Tensor) -> Tensor:
        _check_channels(x, self.settings["num_features"], "InstanceNorm2d")
        return F.instance_norm(x, self.weight, self.bias, self.settings["eps"])


def _check_channels(x: Tensor, channels: int, kind: str) -> None:
    if x.shape[1:2] != (channels,):
        raise ValueError(f"{kind}: x must be (N, {channels}, ...), got {x.shape}")

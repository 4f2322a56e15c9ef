"""Layers of pooling to a given size, of convolution of sequences, of rows by integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import functional as F
from minidl import init
from minidl.functional import arguments
from minidl.functional.adaptive import Size
from minidl.nn.convolutions import Convolution
from minidl.nn.module import Module, Parameter
from minidl.tensor import Tensor


class AdaptiveAvgPool2d(Module):
    """F.adaptive_avg_pool2d."""

    def __init__(self, output_size: Size) -> None:
        self.settings: dict[str, Any] = {"output_size": output_size}

    def forward(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(x, **self.settings)


class AdaptiveMaxPool2d(AdaptiveAvgPool2d):
    """F.adaptive_max_pool2d."""

    def forward(self, x: Tensor) -> Tensor:
        return F.adaptive_max_pool2d(x, **self.settings)


class Conv1d(Convolution):
    """F.conv1d with its own weight (K,C/groups,S) and bias (K,)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int | str = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        C = arguments.integer(in_channels, "Conv1d: in_channels", least=1)
        K = arguments.integer(out_channels, "Conv1d: out_channels", least=1)
        S = arguments.integer(kernel_size, "Conv1d: kernel_size", least=1)
        groups = arguments.integer(groups, "Conv1d: groups", least=1)
        if C % groups or K % groups:
            raise ValueError(f"Conv1d: groups {groups} must divide the {C} and {K} channels")
        self.weight = Parameter(init.he_normal((K, C // groups, S), rng))
        wanted = arguments.flag(bias, "Conv1d: bias")
        self.bias = Parameter(np.zeros(K, np.float32)) if wanted else None
        self.settings: dict[str, Any] = {
            "stride": stride, "padding": padding, "dilation": dilation, "groups": groups,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x, self.weight, self.bias, **self.settings)

    def extra_repr(self) -> str:
        K, group, S = self.weight.shape
        given = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        return f"{group * self.settings['groups']}, {K}, kernel_size={S}, {given}"


class Embedding(Module):
    """Rows of a weight (V,D) by integers: indices (...) -> (...,D). Row `padding_idx` is 0, and is
    not learnt."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        V = arguments.integer(num_embeddings, "Embedding: num_embeddings", least=1)
        D = arguments.integer(embedding_dim, "Embedding: embedding_dim", least=1)
        self.weight = Parameter(init.normal((V, D), 1.0, rng))
        self.padding_idx = padding_idx
        if padding_idx is not None:
            at = arguments.integer(padding_idx, "Embedding: padding_idx", -V, V - 1)
            self.weight.change(lambda w: w[at].fill(0))

    def forward(self, indices: Tensor) -> Tensor:
        return F.embedding(indices, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        return "{}, {}".format(*self.weight.shape)

"""Kinds of layers of networks, as data.

A layer has the name of its network and its sizes for one image; `catalogue.py` lists the layers.
Windows are square, as in published networks; only those of a convolution need not be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from kernels import ConvGeometry, PoolGeometry
from kernels.contract.activation_geometry import ActivationGeometry
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.plane_geometry import ConcatenateGeometry, PatchGeometry


@dataclass(frozen=True)
class Layer:
    """A named layer of a network."""

    network: str
    name: str

    @property
    def title(self) -> str:
        return f"{self.network}.{self.name}"

    def smallest(self) -> Self:
        """The same layer on the fewest possible pixels: it compiles the same code."""
        raise TypeError(f"{type(self).__name__} has no smallest size")


@dataclass(frozen=True)
class Convolution(Layer):
    """x (N,C,H,W) with weights (K,C/groups,R,S)."""

    C: int
    H: int
    W: int
    K: int
    R: int
    S: int
    stride: int = 1
    padding: int = 0
    groups: int = 1

    def geometry(self, batch: int) -> ConvGeometry:
        """The geometry for `batch` images; ValueError if the sizes do not fit each other."""
        weights = (self.K, self.C // self.groups, self.R, self.S)
        images = (batch, self.C, self.H, self.W)
        return ConvGeometry.of(images, weights, self.stride, self.padding, 1, self.groups)

    def smallest(self) -> Self:
        return replace(self, H=self.R, W=self.S)


@dataclass(frozen=True)
class Pool(Layer):
    """x (N,C,H,W) pooled by windows of size x size pixels."""

    C: int
    H: int
    W: int
    size: int
    stride: int
    padding: int = 0

    def geometry(self, batch: int) -> PoolGeometry:
        images = (batch, self.C, self.H, self.W)
        return PoolGeometry.of(images, self.size, self.stride, self.padding)

    def smallest(self) -> Self:
        return replace(self, H=self.size, W=self.size)


@dataclass(frozen=True)
class Planes(Layer):
    """x (N,C,H,W), mapped to a result of the same shape."""

    C: int
    H: int
    W: int

    def shape(self, batch: int) -> tuple[int, int, int, int]:
        return batch, self.C, self.H, self.W

    def smallest(self) -> Self:
        return replace(self, H=1, W=1)


@dataclass(frozen=True)
class Normalised(Planes):
    """The input of a normalisation with ZFNet's settings."""


@dataclass(frozen=True)
class Rectified(Planes):
    """The input of a ReLU."""


@dataclass(frozen=True)
class Hidden(Layer):
    """The hidden layer of a transformer's perceptron: so many tokens an image, of `width`."""

    tokens: int
    width: int

    def shape(self, batch: int) -> tuple[int, int, int]:
        return batch, self.tokens, self.width

    def smallest(self) -> Self:
        return replace(self, tokens=1, width=2)


@dataclass(frozen=True)
class Activated(Hidden):
    """The input of an activation function, of channels-last planes as so many pixels."""

    function: str

    def geometry(self, batch: int) -> ActivationGeometry:
        return ActivationGeometry.of(self.function, self.shape(batch))


@dataclass(frozen=True)
class Attended(Layer):
    """Scores of attention: `queries` rows of `keys` for each of the heads and windows."""

    heads: int
    queries: int
    keys: int

    def shape(self, batch: int) -> tuple[int, int, int]:
        return batch * self.heads, self.queries, self.keys

    def smallest(self) -> Self:
        return replace(self, heads=1, queries=2, keys=3)


@dataclass(frozen=True)
class Grouped(Layer):
    """The input of layer normalisation (tokens of one position) or of group normalisation (an
    image's positions) of `groups` groups of channels."""

    samples: int
    positions: int
    C: int
    groups: int = 1

    def geometry(self, batch: int) -> GroupNormGeometry:
        shape = batch * self.samples, self.positions, self.C
        return GroupNormGeometry.of(shape, self.groups, 1e-6)

    def smallest(self) -> Self:
        return replace(self, samples=1, positions=min(self.positions, 4))


@dataclass(frozen=True)
class Cut(Layer):
    """Patches of size x size pixels, as many as the batch says, of one plane of side x side pixels,
    each under a part of part x part pixels in its middle: what squares change of a layer."""

    C: int
    side: int
    size: int
    part: int

    def geometry(self, batch: int) -> PatchGeometry:
        plane, part = (1, self.C, self.side, self.side), (self.part, self.part)
        return PatchGeometry.of(plane, batch, (self.size, self.size), part)

    def smallest(self) -> Self:
        return replace(self, side=6, size=4, part=2)


@dataclass(frozen=True)
class Joined(Layer):
    """Branches (N,Ci,side,side), put side by side along their channels."""

    channels: tuple[int, ...]
    side: int

    def geometry(self, batch: int) -> ConcatenateGeometry:
        return ConcatenateGeometry(batch, self.channels, self.side, self.side)

    def smallest(self) -> Self:
        return replace(self, side=1)


@dataclass(frozen=True)
class Heads(Layer):
    """Pairs of matrices (M,K) and (K,N), as many for each image: attention's heads and windows."""

    pairs: int
    M: int
    N: int
    K: int

    def geometry(self, batch: int) -> tuple[int, int, int, int]:
        return batch * self.pairs, self.M, self.N, self.K

    def smallest(self) -> Self:
        return replace(self, pairs=1, M=2, N=2, K=2)


@dataclass(frozen=True)
class Weights(Layer):
    """The weights (rows,columns) of a linear layer, whatever the batch."""

    rows: int
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, self.columns

    def smallest(self) -> Self:
        return replace(self, rows=8, columns=8)


@dataclass(frozen=True)
class Filters(Layer):
    """The filters (K,C,size,size) of a convolution, whatever the batch."""

    K: int
    C: int
    size: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return self.K, self.C, self.size, self.size

    def smallest(self) -> Self:
        return replace(self, K=2, C=1)


@dataclass(frozen=True)
class Stage(Layer):
    """A convolution of size x size taps with bias, a ReLU and a max-pooling, in sequence."""

    C: int
    side: int
    K: int
    size: int
    stride: int
    padding: int
    pool_size: int
    pool_stride: int
    pool_padding: int

    def shape(self, batch: int) -> tuple[int, int, int, int]:
        return batch, self.C, self.side, self.side

    def smallest(self) -> Self:
        """The size at which the pooling has a single window."""
        rows = self.pool_size - self.pool_padding
        return replace(self, side=max((rows - 1) * self.stride + self.size - 2 * self.padding, 1))

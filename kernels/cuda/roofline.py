"""Roofline of each layer of ZFNet on two GPUs: the least time by arithmetic and by memory.

    time >= max(operations / operations per second, bytes / bytes per second)

(Williams, Waterman, Patterson: "Roofline: an insightful visual performance model for multicore
architectures", CACM 2009.) Operations are those of the definition; a multiply-add is two. Bytes
are those of every operand read once and every result written once. A layer whose operations per
byte exceed the machine's is bounded by arithmetic, else by memory. Winograd's convolution does
fewer operations than the definition and may be faster than this bound. Caches that are too small,
launches and idle multiprocessors make every layer slower.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kernels.contract.geometry import ConvGeometry, PoolGeometry

FLOAT = SWITCH = 4
"""Bytes of a float32 and of an int32."""
OPERATIONS_OF_CONTRAST_NORM = 8
"""An element (`kernels/local_contrast_norm/separable.py`)."""


@dataclass(frozen=True)
class Machine:
    """Peak operations and bytes per second; `source` is the document, as of `date`.

    Operations are in full float32 on the ordinary units: tensor cores round the factors.
    """

    name: str
    operations: float
    bytes: float
    source: str
    date: str


MACHINES = (
    Machine("A100 SXM 80 GB", 19.5e12, 2039e9, "NVIDIA A100 Tensor Core GPU datasheet", "2021"),
    Machine(
        "H100 SXM 80 GB",
        *(66.9e12, 3350e9),
        "NVIDIA H100 Tensor Core GPU Architecture whitepaper and datasheet",
        "2023",
    ),
)


@dataclass(frozen=True)
class Work:
    """Operations and bytes of a layer."""

    operations: float
    bytes: float


@dataclass(frozen=True)
class Prediction:
    """Least seconds, and the bound that gives them: "arithmetic" or "memory"."""

    seconds: float
    bound: str


def predict(work: Work, machine: Machine) -> Prediction:
    """The roofline."""
    arithmetic, memory = work.operations / machine.operations, work.bytes / machine.bytes
    if arithmetic > memory:
        return Prediction(arithmetic, "arithmetic")
    return Prediction(memory, "memory")


@dataclass(frozen=True)
class Convolution:
    """x (N,C,H,W) with square weights (K,C,size,size), with bias and ReLU."""

    name: str
    C: int
    side: int
    K: int
    size: int
    stride: int = 1
    padding: int = 0

    def geometry(self, batch: int) -> ConvGeometry:
        x_shape, w_shape = (
            (batch, self.C, self.side, self.side),
            (self.K, self.C, *(self.size,) * 2),
        )
        return ConvGeometry.of(x_shape, w_shape, self.stride, self.padding)

    def work(self, batch: int) -> Work:
        g = self.geometry(batch)
        shapes = g.x_shape, g.w_shape, (g.K,), g.y_shape
        return Work(2 * g.macs, FLOAT * sum(map(math.prod, shapes)))


@dataclass(frozen=True)
class Pool:
    """x (N,C,H,W) pooled by windows of size x size pixels, with switches; a comparison per tap."""

    name: str
    C: int
    side: int
    size: int
    stride: int
    padding: int = 0

    def geometry(self, batch: int) -> PoolGeometry:
        x_shape = batch, self.C, self.side, self.side
        return PoolGeometry.of(x_shape, self.size, self.stride, self.padding)

    def work(self, batch: int) -> Work:
        g = self.geometry(batch)
        outputs = math.prod(g.y_shape)
        moved = FLOAT * math.prod(g.x_shape) + (FLOAT + SWITCH) * outputs
        return Work(self.size**2 * outputs, moved)


@dataclass(frozen=True)
class Contrast:
    """Local contrast normalisation of x (N,C,H,W)."""

    name: str
    C: int
    side: int

    def work(self, batch: int) -> Work:
        elements = batch * self.C * self.side**2
        return Work(OPERATIONS_OF_CONTRAST_NORM * elements, 2 * FLOAT * elements)


@dataclass(frozen=True)
class Linear:
    """x (N,features) with weights (units,features) and bias."""

    name: str
    features: int
    units: int

    def work(self, batch: int) -> Work:
        weights = self.units * (self.features + 1)
        return Work(
            2 * batch * self.units * self.features,
            FLOAT * (weights + batch * (self.features + self.units)),
        )


Layer = Convolution | Pool | Contrast | Linear
ZFNET: tuple[Layer, ...] = (
    Convolution("conv1", 3, 224, 96, 7, stride=2, padding=1),
    Pool("pool1", 96, 110, 3, 2, padding=1),
    Contrast("norm1", 96, 55),
    Convolution("conv2", 96, 55, 256, 5, stride=2),
    Pool("pool2", 256, 26, 3, 2, padding=1),
    Contrast("norm2", 256, 13),
    Convolution("conv3", 256, 13, 384, 3, padding=1),
    Convolution("conv4", 384, 13, 384, 3, padding=1),
    Convolution("conv5", 384, 13, 256, 3, padding=1),
    Pool("pool5", 256, 13, 3, 2),
    Linear("fc6", 9216, 4096),
    Linear("fc7", 4096, 4096),
    Linear("fc8", 4096, 1000),
)
"""Zeiler, Fergus 2013, Fig 3: images of 224 x 224 pixels, 1000 classes."""
BATCHES = 1, 64


@dataclass(frozen=True)
class Row:
    """One layer for one batch: its work, and a prediction a machine."""

    layer: str
    batch: int
    work: Work
    predictions: dict[str, Prediction]


def rows(
    batch: int, layers: Sequence[Layer] = ZFNET, machines: Sequence[Machine] = MACHINES
) -> list[Row]:
    """The roofline of each layer for `batch` images."""
    return [_row(layer.name, batch, layer.work, machines) for layer in layers]


def _row(name: str, batch: int, work: Callable[[int], Work], machines: Sequence[Machine]) -> Row:
    done = work(batch)
    return Row(name, batch, done, {m.name: predict(done, m) for m in machines})

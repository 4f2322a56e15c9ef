"""The geometry of a stage: a convolution with bias and ReLU, then max-pooling."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kernels.contract.geometry import ConvGeometry, PoolGeometry


@dataclass(frozen=True)
class StageGeometry:
    """conv: of the convolution; pool: of its result.

    convolution: the name of the `conv2d` kernel that computes it. What a stage is has no algorithm
                 of its own for products: its bits are those of this kernel.
    """

    conv: ConvGeometry
    pool: PoolGeometry
    convolution: str

    def __post_init__(self) -> None:
        if self.conv.y_shape != self.pool.x_shape:
            raise ValueError(
                f"the convolution's result {self.conv.y_shape} is what is pooled, not "
                f"{self.pool.x_shape}"
            )

    def images(self, count: int) -> StageGeometry:
        """The same for so many images."""
        return replace(self, conv=replace(self.conv, N=count), pool=replace(self.pool, N=count))

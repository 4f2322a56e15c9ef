"""Cases and contenders: one operation on one layer with one batch size, and who computes it."""

from __future__ import annotations

from dataclasses import dataclass

from bench.layers import Layer

OURS = ("kernels", "minidl")
KERNELS_FOR = {"cpu": "cpu", "cuda": "cuda", "emulator": "cuda"}
"""The device of the kernels, by the device of the arrays: the emulator runs the CUDA kernels."""


@dataclass(frozen=True)
class Case:
    """One operation on `batch` images of a layer, float32."""

    operation: str
    layer: Layer
    batch: int

    @property
    def title(self) -> str:
        return f"{self.operation} {self.layer.title}, batch {self.batch}"

    def warm_up(self) -> Case:
        """The same on the fewest possible pixels: it compiles the same code."""
        return Case(self.operation, self.layer.smallest(), 1)


@dataclass(frozen=True)
class Contender:
    """A competing implementation: one kernel by its name, minidl as a whole, or a library with its
    arrays in one memory layout.

    device: the device of its arrays.
    tf32:   a library may round the factors of products to TF32, 11 bits, as tensor cores do.
    """

    library: str
    name: str
    device: str = "cpu"
    tf32: bool = False

    @property
    def ours(self) -> bool:
        return self.library in OURS

    @property
    def title(self) -> str:
        if self.ours:
            return self.name
        return f"{self.library} {self.name}".strip() + " TF32" * self.tf32

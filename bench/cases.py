"""What is timed: one operation on one layer with one batch size, by several contenders."""

from __future__ import annotations

from dataclasses import dataclass

from bench.layers import Layer

OURS = ("kernels", "minidl")
KERNELS_FOR = {"cpu": "cpu", "cuda": "cuda", "emulator": "cuda"}
"""Whose kernels compute, by where the arrays lie: the emulator runs CUDA's."""


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
        """The same on as few pixels as there can be: compiles the same code."""
        return Case(self.operation, self.layer.smallest(), 1)


@dataclass(frozen=True)
class Contender:
    """Who computes: a kernel by its name, minidl as a whole, or a library with its arrays in one
    memory layout.

    device: where its arrays lie.
    tf32:   a library may round the factors of products to TF32, 11 bits, as tensor cores take them.
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

"""Transfer of operands and results between the judge and the process of a kernel.

Operands are references to shared memory. Results arrive as bytes; one that lies in the memory of an
operand becomes a view of the judge's array.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.judge.arena import Arena
from kernels.judge.failures import plain_text
from kernels.judge.messages import ArrayRef, PreparedRef
from kernels.judge.process import Ended
from kernels.verify.verdicts import Violation

MOST_RESULT = 1 << 32
"""Bytes of one result."""


@dataclass(frozen=True)
class Prepared:
    """Prepared weights, which the kernel's process holds."""

    number: int
    life: int


def collect(value: Any, found: list[np.ndarray]) -> None:
    """Adds every array within the value to `found`, each once."""
    if isinstance(value, np.ndarray):
        if not any(value is a for a in found):
            found.append(value)
    elif isinstance(value, tuple | list):
        for each in value:
            collect(each, found)
    elif isinstance(value, Mapping):
        for each in value.values():
            collect(each, found)


def referred(value: Any, references: Mapping[int, ArrayRef], life: int) -> Any:
    """The value with arrays and prepared weights as references."""
    if isinstance(value, np.ndarray):
        return references[id(value)]
    if isinstance(value, Prepared):
        if value.life != life:
            raise Ended("the process that had prepared the weights has died")
        return PreparedRef(value.number)
    if isinstance(value, tuple):
        return tuple(referred(v, references, life) for v in value)
    if isinstance(value, Mapping):
        return {key: referred(v, references, life) for key, v in value.items()}
    return value


def results(
    arena: Arena, described: Any, block: bytearray, operands: list[np.ndarray]
) -> list[Any]:
    """The results: arrays of the judge, and stand-ins for what is no array."""
    found, done = [], 0
    for text in described:
        if text["kind"] == "other":
            found.append(type(plain_text(text["type"])[:80] or "object", (), {})())
            continue
        dtype = np.dtype(str(text["dtype"]))
        if dtype.hasobject or dtype.kind not in "biufc":
            raise Violation(f"the kernel returns an array of {dtype}")
        if text["kind"] == "operand":
            found.append(_alias(arena, text, dtype, operands))
            continue
        part = bytes(block[done : done + int(text["nbytes"])])
        done += len(part)
        if text["kind"] == "scalar":
            found.append(np.frombuffer(part, dtype)[0])
        else:
            found.append(_array(part, dtype, text))
    return found


def _array(part: bytes, dtype: np.dtype, text: Any) -> np.ndarray:
    """An array of its bytes, in the order of memory that it had."""
    shape = tuple(int(size) for size in text["shape"])
    if math.prod(shape) * dtype.itemsize != len(part) or len(part) > MOST_RESULT:
        raise Violation(f"the kernel's process sends {len(part):,} bytes for a shape of {shape}")
    if text["strides"] is None:
        return np.frombuffer(part, dtype).reshape(shape).copy()
    order = sorted(range(len(shape)), key=lambda axis: -int(text["strides"][axis]))
    packed = np.frombuffer(part, dtype).reshape([shape[axis] for axis in order])
    return packed.copy().transpose(np.argsort(order))  # back to the axes of the shape


def _alias(arena: Arena, text: Any, dtype: np.dtype, operands: list[np.ndarray]) -> np.ndarray:
    """A result in the memory of an operand, as a view of the judge's array."""
    shape = tuple(int(size) for size in text["shape"])
    strides = tuple(int(stride) for stride in text["strides"])
    low = int(text["offset"]) + sum(
        min(0, (n - 1) * s) for n, s in zip(shape, strides, strict=True)
    )
    high = int(text["offset"]) + dtype.itemsize + sum(
        max(0, (n - 1) * s) for n, s in zip(shape, strides, strict=True)
    )  # fmt: skip
    place = arena.alias(low, high - low)
    if place is None or 0 in shape:
        raise Violation("the kernel returns memory beside its operands")
    address, _ = place
    return np.asarray(_Memory(address + int(text["offset"]) - low, shape, strides, dtype, operands))


class _Memory:
    """Memory of operands as an array; it keeps them alive."""

    def __init__(
        self, address: int, shape: Any, strides: Any, dtype: np.dtype, operands: list[np.ndarray]
    ) -> None:
        self.operands = operands
        self.__array_interface__ = {
            "version": 3, "data": (address, False), "shape": shape, "strides": strides,
            "typestr": dtype.str,
        }  # fmt: skip

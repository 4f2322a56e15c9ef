"""Dropout with masks that are reproducible on any device and in any process."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import kernels
from kernels.contract import memory
from minidl.functional import arguments
from minidl.functional.arithmetic import multiply
from minidl.randomness import default_rng
from minidl.tensor import Tensor


def dropout_mask(
    shape: tuple[int, ...], p: float, *, seed: int, step: int, stream: int = 0, first: int = 0,
    like: Any = None,
) -> np.ndarray:  # fmt: skip
    """The mask of kept elements: bool of `shape`, each False with probability p.

    Element i, in row-major order whatever the memory layout, is kept if word first + i of Philox
    4x32-10 under (seed, step, stream) is at least p 2^32: `first` is the number of elements in
    front of a part of a larger mask. Give each layer a stream of its own. The mask is on the device
    of the array `like`, on the CPU without one. ValueError unless 0 <= p <= 1.
    """
    shape = arguments.sizes(shape, "dropout_mask: shape")
    p = arguments.number(p, "dropout_mask: p")
    first = arguments.integer(first, "dropout_mask: first", least=0)
    _check_counters("dropout_mask", seed, step, stream)
    if not 0 <= p <= 1:
        raise ValueError(f"dropout_mask: p must be from 0 to 1, got {p}")
    words = _words(first + math.prod(shape), seed, step, stream, like)[first:]
    least = round(p * 2**32)
    if least == 2**32:  # not a uint32: no word is as large
        return np.zeros_like(words, dtype=np.bool_).reshape(shape)  # (count,) -> shape
    return (words >= np.uint32(least)).reshape(shape)  # (count,) -> shape


def _words(count: int, seed: int, step: int, stream: int, like: Any) -> np.ndarray:
    """(count,) uint32 on the device of `like`."""
    # An empty array names the device as well, and needs no canonicalisation of operands.
    where = memory.empty((0,), np.uint32, like=like)
    kernel = kernels.pick("random_bits", kernels.device_of(where), count)
    words: np.ndarray = kernel(count, seed=seed, step=step, stream=stream, like=where)
    return words


def _check_counters(what: str, seed: int, step: int, stream: int) -> None:
    for name, value in (("seed", seed), ("step", step), ("stream", stream)):
        arguments.integer(value, f"{what}: {name}", least=-(2**64), most=2**64)


def _drawn() -> int:
    return int(default_rng().integers(2**63))


def dropout(
    x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *,
    seed: int | None = None, step: int | None = None, stream: int = 0, first: int = 0,
) -> Tensor:  # fmt: skip
    """x with elements set to 0 with probability p, the others times 1 / (1 - p); x if not training.

    The same seed, step and stream give the same mask. Without seed or step the missing one is drawn
    from the generator that `minidl.manual_seed` seeds: each call has a new mask. first: images of
    the batch in front of x (N,...), where x is a part of it; it has its rows of the batch's mask.
    ValueError unless 0 <= p < 1.
    """
    arguments.tensor(x, "dropout", "x")
    p = arguments.number(p, "dropout: p")
    arguments.flag(inplace, "dropout: inplace")
    drawn = training is True and p > 0
    seed, step = (_drawn() if n is None and drawn else 0 if n is None else n for n in (seed, step))
    _check_counters("dropout", seed, step, stream)
    if not 0 <= p < 1:
        raise ValueError(f"dropout: p must be at least 0 and below 1, got {p}")
    if not arguments.flag(training, "dropout: training") or p == 0:
        return x
    before = arguments.integer(first, "dropout: first", least=0) * math.prod(x.shape[1:])
    mask = dropout_mask(
        x.shape, p, seed=seed, step=step, stream=stream, first=before, like=x._array
    )
    return multiply(x, Tensor(mask.astype(x.dtype) * x.dtype.type(1 / (1 - p))))

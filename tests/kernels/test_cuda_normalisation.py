"""The two normalisations on CUDA, on planes larger than its tiles; the properties are in
`kernels/verify`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kernels import Kernel, all_kernels, named, pick
from kernels.bounds import same_bits, within
from kernels.contract import memory
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.cuda import contrast, emulated, emulator, planes
from kernels.cuda.grids import few_blocks
from kernels.cuda.program import PLAIN_SHARED
from kernels.local_response_norm import cuda_sliding
from kernels.local_response_norm_vjp import cuda_sliding as cuda_sliding_vjp
from kernels.verify import Call, make
from kernels.verify.placing import run_on

CONTRAST = ("local_contrast_norm", "local_contrast_norm_vjp")
RESPONSE = ("local_response_norm", "local_response_norm_vjp")
CONTRASTS = {
    "a picture": LCNGeometry.of((2, 3, 9, 7)),
    "four channels per thread": LCNGeometry.of((1, 12, 5, 6), 3),
    "more channels than a warp": LCNGeometry.of((1, 131, 3, 3), 3),
    "zeros around the plane": LCNGeometry.of((1, 4, 6, 7), 5, border="zero"),
    "the floor divides": LCNGeometry.of((2, 2, 5, 6), 5, floor=10.0),
    "several tiles": LCNGeometry.of((2, 1, 10, 70), 7),
    "a line in several parts": LCNGeometry.of((1, 1, 2, 150), 251, 80.0),
    "more pixels than a block": LCNGeometry.of((2, 2, 33, 34), 3),
}
RESPONSES = {
    "the usual": LRNGeometry.of((2, 8, 3, 4), 5, 0.5),
    "an even window": LRNGeometry.of((2, 7, 2, 3), 4, 2.0, 1.3),
    "a window wider than the channels": LRNGeometry.of((1, 3, 2, 2), 9, 1.0, 0.5),
    "one channel": LRNGeometry.of((3, 1, 4, 5), 5, 1.0),
    "more channels than a block": LRNGeometry.of((1, 521, 2, 2), 5, 1.0, 1.0),
}
contrasts = pytest.mark.parametrize("g", CONTRASTS.values(), ids=CONTRASTS.keys())
responses = pytest.mark.parametrize("g", RESPONSES.values(), ids=RESPONSES.keys())
everything = pytest.mark.parametrize(
    ("kernel", "g"),
    [
        pytest.param(k, g, id=f"{k.operation}-{k.name}-{name}")
        for operations, drawn in ((CONTRAST, CONTRASTS), (RESPONSE, RESPONSES))
        for k in (k for op in operations for k in all_kernels(op) if k.device == "cuda")
        for name, g in drawn.items()
    ],
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@everything
def test_a_normalisation_is_within_its_bound(
    kernel: Kernel, g: Any, dtype: type, cuda_device: str
) -> None:
    call = replace(make(kernel.operation, g, "normal", 1, dtype), device=cuda_device)
    with memory.poisoned():
        (result,) = call.run(kernel)
    (expected,) = call.its.at_large(call)
    assert result.dtype == dtype and within(result, expected, call.bound(kernel)[0])


@everything
def test_a_normalisation_gives_the_same_bits_in_any_order_of_threads_and_in_one_block(
    kernel: Kernel, g: Any, cuda_device: str
) -> None:
    call = replace(make(kernel.operation, g, "normal", 2), device=cuda_device)
    natural = call.run(kernel)[0]
    with emulator.schedule(5), few_blocks(1):
        assert same_bits(call.run(kernel)[0], natural)


@contrasts
def test_the_cpus_gradient_takes_what_cuda_saves(g: LCNGeometry, cuda_device: str) -> None:
    call = make("local_contrast_norm_vjp", g, "normal", 3)
    gy, x = call.inputs.values()
    _, saved = run_on(cuda_device, named("local_contrast_norm", "separable", "cuda"), x, g)
    backward = named("local_contrast_norm_vjp", "separable")
    assert within(backward(gy, x, saved, g), call.its.at_large(call)[0], call.bound(backward)[0])


def test_the_window_is_brought_to_the_device_once_for_all_batches_and_channels() -> None:
    x = emulated(np.zeros((1, 1, 1, 1), np.float32))
    few, many = (LCNGeometry.of(shape) for shape in ((1, 3, 8, 8), (4, 5, 8, 8)))
    for one, other in zip(contrast.settings(few, x), contrast.settings(many, x), strict=True):
        assert one is other


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("lines", "most"), [(1, cuda_sliding.MOST_CHANNELS), (3, cuda_sliding_vjp.MOST_CHANNELS)]
)
def test_staged_lines_fit_into_the_shared_memory_of_any_gpu(
    lines: int, most: int, dtype: type
) -> None:
    for channels in range(1, most + 1):
        _, (wide, high, _) = planes.over_lines(10**6, channels)
        assert wide * high <= planes.THREADS
        assert lines * high * channels * np.dtype(dtype).itemsize <= PLAIN_SHARED


@pytest.mark.parametrize("operation", RESPONSE)
def test_more_channels_than_can_be_staged_are_read_from_memory(operation: str) -> None:
    assert pick(operation, "cuda", LRNGeometry.of((1, 96, 2, 2))).name == "sliding"
    assert pick(operation, "cuda", LRNGeometry.of((1, 7000, 2, 2))).name == "naive"


@pytest.mark.parametrize("operation", [*CONTRAST, *RESPONSE])
@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 0, 4, 4)])
def test_nothing_normalised_gives_nothing(
    operation: str, shape: tuple[int, ...], cuda_device: str
) -> None:
    geometry = LCNGeometry if "contrast" in operation else LRNGeometry
    call: Call = replace(make(operation, geometry.of(shape), "normal", 0), device=cuda_device)
    for kernel in (k for k in all_kernels(operation) if k.device == "cuda"):
        assert call.run(kernel)[0].shape == shape

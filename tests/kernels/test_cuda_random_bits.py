"""Random bits on a device, compared with the definition's word by word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from kernels import named, reference
from kernels.bounds import same_bits
from kernels.cuda import device_kind, host, place
from kernels.cuda.grids import few_blocks
from kernels.verify.arrays import small

ONE_DEVICE = [HealthCheck.function_scoped_fixture]
"""The fixture `cuda_device` is the same for all examples."""
KERNEL = named("random_bits", "philox4x32", "cuda")
NOTHING = np.empty(0, np.float32)


@settings(suppress_health_check=ONE_DEVICE)
@given(
    count=small(0, 300), seed=small(0, 2**64 - 1), step=small(0, 2**64 - 1),
    stream=small(0, 2**32 - 1),
)  # fmt: skip
def test_words_are_those_of_the_definition(
    cuda_device: str, count: int, seed: int, step: int, stream: int
) -> None:
    key = {"seed": seed, "step": step, "stream": stream}
    words = KERNEL(count, **key, like=place(NOTHING, cuda_device))
    assert device_kind(words) == cuda_device
    assert same_bits(host(words), reference.random_bits(count, **key))


def test_seed_step_and_stream_are_taken_modulo_their_bits(cuda_device: str) -> None:
    like = place(NOTHING, cuda_device)
    one = KERNEL(8, seed=3 + 2**64, step=-1, stream=5 + 2**32, like=like)
    other = KERNEL(8, seed=3, step=2**64 - 1, stream=5, like=like)
    assert same_bits(host(one), host(other))


@pytest.mark.parametrize("most", [1, 3])
def test_few_blocks_make_the_rest_in_strides(cuda_device: str, most: int) -> None:
    key = {"seed": 1, "step": 2, "stream": 3}
    with few_blocks(most):
        words = KERNEL(9001, **key, like=place(NOTHING, cuda_device))
    assert same_bits(host(words), named("random_bits", "philox4x32")(9001, **key))

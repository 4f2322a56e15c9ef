"""The fused update and the filters' renormalisation on a device, compared with the CPU's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernels import named
from kernels.bounds import eps, same_bits, within
from kernels.contract import memory
from kernels.cuda import host, place
from kernels.cuda.grids import few_blocks
from kernels.verify.arrays import dtypes, normal, rngs, small
from minidl import device, init
from minidl.optim import ready


def descend(*arrays: np.ndarray, **settings: float) -> None:
    """A step in place."""
    ready(*arrays, **settings)()


pytestmark = pytest.mark.usefixtures("one_thread")
ONE_DEVICE = [HealthCheck.function_scoped_fixture]
"""The fixture `cuda_device` is the same for all examples."""
SETTINGS = {"lr": 0.1, "momentum": 0.9}


@settings(suppress_health_check=ONE_DEVICE)
@given(
    shape=st.sampled_from([(0,), (1,), (7,), (2050,), (5, 7), (4, 3, 5, 5), (2, 4, 1, 0)]),
    weight_decay=st.sampled_from([0.0, 0.1]), dtype=dtypes, rng=rngs,
)  # fmt: skip
def test_a_step_on_the_device_makes_the_cpus_bits(
    cuda_device: str,
    shape: tuple[int, ...],
    weight_decay: float,
    dtype: type,
    rng: np.random.Generator,
) -> None:
    here = [normal(shape, rng, dtype) for _ in range(3)]
    there = [device.move(a, cuda_device) for a in here]
    descend(*here, **SETTINGS, weight_decay=weight_decay)
    descend(*there, **SETTINGS, weight_decay=weight_decay)
    assert all(same_bits(device.host(t), h) for t, h in zip(there, here, strict=True))


@pytest.mark.parametrize("transposed", ["w", "v", "g"])
def test_matrices_of_unlike_strides_are_updated_element_by_element(
    cuda_device: str, transposed: str
) -> None:
    rng = np.random.default_rng(0)
    here = {name: normal((6, 5), rng, np.float32) for name in "wvg"}
    there = {name: place(a, cuda_device) for name, a in here.items()}
    there[transposed] = place(np.ascontiguousarray(here[transposed].T), cuda_device).T
    descend(*here.values(), **SETTINGS, weight_decay=0.1)
    descend(*there.values(), **SETTINGS, weight_decay=0.1)
    assert all(same_bits(host(there[name]).copy("C"), here[name]) for name in "wvg")


def test_few_blocks_take_the_rest_in_strides(cuda_device: str) -> None:
    rng = np.random.default_rng(0)
    here = [normal((5003,), rng, np.float32) for _ in range(3)]
    there = [place(a, cuda_device) for a in here]
    descend(*here, **SETTINGS, weight_decay=0.0)
    with few_blocks(2):
        descend(*there, **SETTINGS, weight_decay=0.0)
    assert same_bits(host(there[0]), here[0])


def test_an_infinite_weight_without_decay_leaves_the_velocity_finite(cuda_device: str) -> None:
    w, v, g = (place(np.full(1, a, np.float32), cuda_device) for a in (np.inf, 0, 1))
    descend(w, v, g, **SETTINGS, weight_decay=0.0)
    assert host(v).item() == 1


def test_arrays_of_two_devices_are_refused(cuda_device: str) -> None:
    w = np.ones(3, np.float32)
    with pytest.raises(TypeError, match=f"lie on cpu and {cuda_device}"):
        descend(w, w.copy(), place(w, cuda_device), **SETTINGS, weight_decay=0.0)


@settings(suppress_health_check=ONE_DEVICE)
@given(
    shape=st.tuples(small(0, 5), small(1, 4), small(1, 20), small(1, 20)), dtype=dtypes, rng=rngs
)
def test_filters_above_the_largest_rms_are_scaled_back_to_it(
    cuda_device: str, shape: tuple[int, ...], dtype: type, rng: np.random.Generator
) -> None:
    weight = normal(shape, rng, dtype) * rng.choice([0.01, 1.0], shape[0])[:, None, None, None]
    weight = np.asarray(weight, dtype)
    there = device.move(weight, cuda_device)
    init.renormalise_filters(there, 0.1)
    size = weight[:1].size
    rms = np.sqrt(np.square(weight, dtype=np.float64).mean(axis=(1, 2, 3)))
    factor = np.where(rms > 0.1, 0.1 / rms, 1.0)[:, None, None, None]
    # The sum of squares rounds `size` times in float64; factor and product once each in the type.
    bound = np.abs(weight * factor) * (size * eps(np.float64) + 2 * eps(dtype))
    assert within(device.host(there), weight * factor, bound)
    quiet = rms <= 0.1
    assert same_bits(device.host(there)[quiet].copy(), weight[quiet].copy())


def test_a_filter_that_is_no_number_is_left_as_it_is(cuda_device: str) -> None:
    weight = np.ones((2, 1, 2, 2), np.float32)
    weight[0, 0, 0, 0] = np.nan
    there = device.move(weight, cuda_device)
    init.renormalise_filters(there, 0.1)
    assert np.array_equal(device.host(there)[0], weight[0], equal_nan=True)
    assert np.allclose(device.host(there)[1], 0.1, rtol=eps(np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_renormalised_filters_have_the_cpus_bits(cuda_device: str, dtype: type) -> None:
    rng = np.random.default_rng(0)
    for shape in ((4, 3, 5, 5), (3, 70, 3, 3), (2, 1, 1, 1), (1, 256, 1, 1)):
        here = normal(shape, rng, dtype)
        there = device.move(here, cuda_device)
        init.renormalise_filters(here, 0.5)
        init.renormalise_filters(there, 0.5)
        assert same_bits(np.array(device.host(there)), np.array(here)), shape


def test_a_weight_of_other_strides_is_scaled_where_it_is(cuda_device: str) -> None:
    wide = device.move(np.ones((2, 3, 4, 4), np.float32), cuda_device)
    init.renormalise_filters(wide[:, :, :, ::2], 0.5)
    assert np.array_equal(device.host(wide)[0, 0, 0], [0.5, 1, 0.5, 1])


def test_a_result_that_is_not_packed_is_refused(cuda_device: str) -> None:
    rows = device.move(np.ones((2, 3, 4, 4), np.float32), cuda_device)[:, :, :, ::2]
    with pytest.raises(ValueError, match=r"out \(2, 3, 4, 2\) with strides"):
        named("renormalise", "one_pass", "cuda")(rows, max_rms=0.1, out=rows)


def test_an_update_and_a_renormalisation_allocate_nothing(
    cuda_device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = [device.move(np.ones((2, 4, 3, 3), np.float32), cuda_device) for _ in range(3)]

    def full(*given: object, **options: object) -> None:
        raise MemoryError("full")

    monkeypatch.setattr(memory, "empty", full)
    before = memory.counters.copies
    descend(*arrays, **SETTINGS, weight_decay=0.1)
    init.renormalise_filters(arrays[0], 0.1)
    assert memory.counters.copies == before

"""The registry, canonical operands, memory, threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kernels
from kernels import Accuracy, ConvGeometry, Cost, Kernel, all_kernels, reference
from kernels.contract import memory, registry, threads
from kernels.verify.arrays import GUISES, dtypes, normal, rngs, small

shapes = st.lists(small(0, 5), max_size=5).map(tuple)


def test_every_registered_operation_has_a_definition() -> None:
    missing = {k.operation for k in all_kernels()} - set(reference.__all__)
    assert not missing, f"kernels.reference defines no {sorted(missing)}"


def test_every_definition_has_a_kernel() -> None:
    missing = set(reference.__all__) - {k.operation for k in all_kernels()}
    assert not missing, f"no kernel is registered for {sorted(missing)}"


@pytest.fixture
def spare_registry() -> Iterator[None]:
    """A registry that is restored after the test."""
    with registry.without():
        yield


USERS_FILE = """
from kernels import kernel, reference

@kernel("conv2d", name="theirs", cost=lambda g: COST, supports=lambda g: g.groups == 1)
def forward(x, w, g, *, bias=None):
    return reference.conv2d(x, w, g, bias=bias).astype(x.dtype)
"""


def run_users_file(folder: Path, cost: str) -> None:
    file = folder / "theirs.py"
    file.write_text(USERS_FILE.replace("COST", cost))
    exec(compile(file.read_text(), file, "exec"), {})


@pytest.mark.usefixtures("spare_registry")
def test_a_kernel_from_a_users_file_is_picked_when_it_is_the_cheapest(tmp_path: Path) -> None:
    run_users_file(tmp_path, "-1.0")
    g = ConvGeometry.of((1, 1, 3, 3), (1, 1, 2, 2))
    assert kernels.pick("conv2d", "cpu", g).name == "theirs"


@pytest.mark.usefixtures("spare_registry")
def test_a_kernel_is_picked_by_name_whatever_it_costs(tmp_path: Path) -> None:
    run_users_file(tmp_path, "1e30")
    g = ConvGeometry.of((1, 1, 3, 3), (1, 1, 2, 2))
    assert kernels.pick("conv2d", "cpu", g).name != "theirs"
    assert kernels.pick("conv2d", "cpu", g, "theirs").name == "theirs"


@pytest.mark.usefixtures("spare_registry")
def test_a_kernel_is_not_picked_for_what_it_does_not_support(tmp_path: Path) -> None:
    run_users_file(tmp_path, "-1.0")
    g = ConvGeometry.of((1, 2, 3, 3), (2, 1, 2, 2), groups=2)
    assert kernels.pick("conv2d", "cpu", g).name != "theirs"
    with pytest.raises(ValueError, match=r"no kernel 'theirs' on 'cpu' serves .*groups=2"):
        kernels.pick("conv2d", "cpu", g, "theirs")


@pytest.mark.usefixtures("spare_registry")
def test_two_kernels_of_one_name_are_refused(tmp_path: Path) -> None:
    run_users_file(tmp_path, "0.0")
    with pytest.raises(ValueError, match="'theirs' for 'cpu' is registered already"):
        run_users_file(tmp_path, "0.0")


@pytest.mark.usefixtures("spare_registry")
def test_exact_admits_only_kernels_that_sum_the_products() -> None:
    cheap = Kernel(
        *("conv2d", "guess", "cpu", lambda: None), Accuracy(exact=False), Cost(lambda problem: -1.0)
    )
    kernels.register(cheap)
    g = ConvGeometry.of((1, 1, 3, 3), (1, 1, 2, 2))
    assert kernels.pick("conv2d", "cpu", g) is cheap
    assert kernels.pick("conv2d", "cpu", g, "exact").exact


def test_an_unknown_algorithm_is_named_with_those_there_are() -> None:
    g = ConvGeometry.of((1, 1, 3, 3), (1, 1, 2, 2))
    with pytest.raises(ValueError, match=r"conv2d: no kernel 'fast' .* registered: .*im2col"):
        kernels.pick("conv2d", "cpu", g, "fast")


def test_only_arrays_have_a_device() -> None:
    assert kernels.device_of(np.zeros(1)) == "cpu"
    with pytest.raises(TypeError, match=r"list; expected a numpy\.ndarray, a cupy\.ndarray"):
        kernels.device_of([1.0])


@pytest.mark.parametrize("guise", GUISES)
@given(shape=shapes, rng=rngs, dtype=dtypes)
def test_the_door_admits_the_same_values_in_plain_memory(
    guise: str, shape: Any, rng: Any, dtype: Any
) -> None:
    x = normal(shape, rng, dtype)
    admitted = memory.canonicalise(GUISES[guise](x))
    plain = memory.nhwc(admitted) if x.ndim == 4 else admitted
    flags = plain.flags
    assert flags.c_contiguous or (x.ndim == 2 and flags.f_contiguous)
    assert flags.aligned and flags.writeable and admitted.dtype == dtype
    assert np.array_equal(admitted, x)


def test_the_door_copies_what_it_must_and_counts_it() -> None:
    before = memory.counters.copies, memory.counters.copied_bytes
    plain = memory.empty((2, 3, 4, 5), np.float32, "NHWC")
    assert memory.canonicalise(plain) is plain
    assert (memory.counters.copies, memory.counters.copied_bytes) == before
    memory.canonicalise(np.zeros((2, 3, 4, 5), np.float32))
    assert memory.counters.copies - before[0] == 1
    assert memory.counters.copied_bytes - before[1] == 4 * 2 * 3 * 4 * 5


@pytest.mark.parametrize("operation", ["conv2d", "conv2d_dgrad"])
def test_what_a_kernel_prepared_goes_back_to_it_uncopied(operation: str) -> None:
    g = ConvGeometry.of((1, 3, 6, 6), (5, 3, 3, 3), padding=1)
    x, w, y = (memory.empty(s, np.float32, "NHWC") for s in (g.x_shape, g.w_shape, g.y_shape))
    for array in (x, w, y):
        array[...] = 1
    preparing = [k for k in all_kernels(operation) if k.prepare and k.device == "cpu"]
    serving = [k for k in preparing if k.supports(g)]
    assert serving
    for kernel in serving:
        kept = kernel.prepared(w, g)
        before = memory.counters.copies
        kernel(x if operation == "conv2d" else y, w, g, prepared=kept)
        assert memory.counters.copies == before, kernel.name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_poisoned_memory_is_nan_and_only_within(dtype: Any) -> None:
    with memory.poisoned():
        assert np.isnan(memory.empty((2, 3, 4, 5), dtype, "NHWC")).all()
        assert (memory.empty((7,), np.int32) == np.iinfo(np.int32).min).all()
    assert not memory._poison


def test_kernels_refuse_arrays_of_two_types() -> None:
    matmul = kernels.pick("matmul", "cpu", (1, 1, 1))
    with pytest.raises(TypeError, match="one type, float32 or float64; got float32, float64"):
        matmul(np.zeros((1, 1), np.float32), np.zeros((1, 1)), (1, 1, 1))


@pytest.mark.parametrize("dtype", [np.float16, np.complex64, object])
def test_kernels_refuse_other_types(dtype: Any) -> None:
    relu = kernels.named("relu", "elementwise")
    with pytest.raises(TypeError, match=f"float32 or float64; got {np.dtype(dtype)}"):
        relu(np.zeros(3, dtype))


def test_the_number_of_threads_is_one_to_what_there_are() -> None:
    count = threads.get_num_threads()
    with pytest.raises(ValueError, match=r"must be 1 to \d+ here, got 0"):
        threads.set_num_threads(0)
    threads.set_num_threads(1)
    assert threads.get_num_threads() == 1
    threads.set_num_threads(count)


def test_two_python_threads_may_run_kernels_at_once() -> None:
    relu = kernels.named("relu", "elementwise")
    x = np.ones((64, 64), np.float32)
    results: list[np.ndarray] = []
    workers = [threading.Thread(target=lambda: results.extend(relu(x) for _ in range(50)))
               for _ in range(4)]  # fmt: skip
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 200
    assert all((y == 1).all() for y in results)

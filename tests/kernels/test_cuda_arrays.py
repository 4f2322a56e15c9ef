"""Device arrays: the emulator's class, copies to a device and back, memory, canonical operands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kernels
from kernels.contract import memory
from kernels.cuda import (
    Emulated,
    NoGPU,
    device_kind,
    emulated,
    gpu,
    host,
    place,
    product,
    transfers,
)
from kernels.verify.arrays import GUISES, dtypes, normal, rngs, small
from tests.shared import fake_cupy

pytestmark = pytest.mark.quick

shapes = st.lists(small(0, 5), max_size=5).map(tuple)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 4, 5))

COMPUTED: dict[str, Callable[[Any], Any]] = {
    "arithmetic": lambda x: (x + 1) * x - x / 2,
    "in place": lambda x: x.__iadd__(x),
    "a function's out": lambda x: np.add(x, x, out=np.empty_like(x)),
    "views": lambda x: x[:, ::-1].transpose(0, 2, 3, 1).reshape(2, -1),
    "a mask": lambda x: np.where(x > 0, x, 0),
    "a sum to no axis": lambda x: x.sum(),
    "a sum along one": lambda x: x.sum(axis=1, keepdims=True),
    "a mean": lambda x: x.mean(axis=(2, 3)),
    "a variance": lambda x: x.var(axis=0),
    "a largest": lambda x: x.max(axis=1),
    "a place": lambda x: x.argmax(axis=1),
    "a join": lambda x: np.concatenate([x, x], axis=1),
    "a stack": lambda x: np.stack((x, 2 * x)),
    "padding": lambda x: np.pad(x, 1),
    "a contraction": lambda x: np.einsum("nchw,nkhw->ck", x, x),
    "a product": lambda x: x @ x.transpose(0, 1, 3, 2),
    "another type": lambda x: x.astype(np.float32),
    "clipping": lambda x: np.clip(x, -1, 1),
}


@pytest.mark.parametrize("compute", COMPUTED.values(), ids=COMPUTED)
def test_what_is_computed_from_the_emulators_arrays_is_numpys_and_stays_there(
    compute: Callable[[Any], Any],
) -> None:
    result, expected = compute(emulated(X)), compute(X.copy())
    assert isinstance(result, Emulated)
    assert np.array_equal(host(result), expected) and result.dtype == expected.dtype


@pytest.mark.parametrize(
    "mix",
    [
        lambda x, plain: x + plain,
        lambda x, plain: plain * x,
        lambda x, plain: np.concatenate([x, plain]),
        lambda x, plain: np.where(x > 0, x, plain),
        lambda x, plain: np.add(x, x, out=plain),
        lambda x, plain: x.__imul__(plain),
    ],
)
def test_the_emulators_arrays_do_not_mix_with_plain_ones(mix: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"kernels\.cuda\.emulated\(x\) moves it there"):
        mix(emulated(X), X.copy())


def test_an_arrays_device_is_its_types() -> None:
    assert [kernels.device_of(x) for x in (X, emulated(X))] == ["cpu", "cuda"]
    assert [device_kind(x) for x in (X, emulated(X), [1.0], np.float32(1))] == [
        "cpu", "emulator", None, None,
    ]  # fmt: skip


@given(shape=shapes, rng=rngs, dtype=dtypes, guise=st.sampled_from([*GUISES]))
def test_there_and_back_changes_no_value_and_shares_no_memory(
    shape: Any, rng: Any, dtype: Any, guise: str
) -> None:
    x = GUISES[guise](normal(shape, rng, dtype))
    there = emulated(x)
    back = host(there)
    assert type(back) is np.ndarray and np.array_equal(back, x)
    held = there.view(np.ndarray)
    assert not np.shares_memory(held, x) and not np.shares_memory(back, held)


def test_channels_last_memory_stays_so_on_the_way() -> None:
    x = memory.nchw(RNG.standard_normal((2, 4, 5, 3)))
    assert memory.nhwc(emulated(x)).flags.c_contiguous
    assert memory.nhwc(host(emulated(x))).flags.c_contiguous
    with fake_cupy.installed():
        assert memory.nhwc(gpu(x)).flags.c_contiguous
        assert memory.nhwc(host(gpu(x))).flags.c_contiguous


def test_what_comes_back_from_a_device_is_counted_and_what_never_left_is_not() -> None:
    there, before = emulated(X), (transfers.to_host, transfers.to_host_bytes)
    host(X)
    assert (transfers.to_host, transfers.to_host_bytes) == before
    host(there)
    assert (transfers.to_host, transfers.to_host_bytes) == (before[0] + 1, before[1] + X.nbytes)


@pytest.mark.parametrize("value", [[1.0], 1.0, None])
def test_what_is_no_array_cannot_be_moved(value: object) -> None:
    with pytest.raises(TypeError, match="expected an array of NumPy, CuPy or the emulator, got"):
        place(value, "emulator")


def test_an_unknown_device_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="one of cpu, emulator, cuda, got 'tpu'"):
        place(X, "tpu")


@given(shape=shapes, rng=rngs, dtype=dtypes, guise=st.sampled_from([*GUISES]))
def test_arrays_of_the_emulator_are_canonicalised_as_plain_ones_are(
    shape: Any, rng: Any, dtype: Any, guise: str
) -> None:
    x = normal(shape, rng, dtype)
    canonical = memory.canonicalise(GUISES[guise](x).view(Emulated))
    plain = memory.nhwc(canonical) if x.ndim == 4 else canonical
    assert isinstance(canonical, Emulated) and canonical.dtype == dtype
    assert plain.flags.c_contiguous or (x.ndim == 2 and plain.flags.f_contiguous)
    assert plain.ctypes.data % 16 == 0
    assert np.array_equal(host(canonical), x)


def test_an_array_that_is_not_aligned_to_16_bytes_is_copied() -> None:
    x = memory.empty((9,), np.float32, like=emulated(X))
    x.fill(1)
    before = memory.counters.copies
    assert memory.canonicalise(x) is x
    assert memory.canonicalise(x[1:]).ctypes.data % 16 == 0
    assert memory.counters.copies == before + 1


@pytest.mark.parametrize("size", [5, 1 << 12])
def test_memory_like_an_array_lies_where_that_does(size: int) -> None:
    shape, x = (2, 3, 4, size), emulated(X)
    made = memory.empty(shape, np.float32, "NHWC", like=x)
    assert isinstance(made, Emulated) and made.shape == shape
    assert memory.nhwc(made).flags.c_contiguous
    assert isinstance(memory.empty_like(x), Emulated) and isinstance(memory.flat(x), Emulated)
    assert type(memory.empty(shape, np.float32, like=X)) is np.ndarray
    with fake_cupy.installed():
        assert device_kind(memory.empty(shape, np.float32, "NHWC", like=gpu(X))) == "cuda"


def test_poisoned_memory_of_the_emulator_is_nan() -> None:
    with memory.poisoned():
        poisoned = memory.empty((2, 3, 4, 5), np.float32, "NHWC", like=emulated(X))
    assert np.isnan(host(poisoned)).all()


def test_a_kernel_refuses_arrays_of_another_device_and_says_how_to_move_them() -> None:
    on_cpu, on_cuda = (kernels.named("relu", "elementwise", d) for d in ("cpu", "cuda"))
    with pytest.raises(TypeError, match=r'plain NumPy array: kernels\.cuda\.place\(x, "cuda"\)'):
        on_cuda(X)
    with pytest.raises(TypeError, match=r"lies on the emulator: kernels\.cuda\.host\(x\)"):
        on_cpu(emulated(X))


def test_a_cuda_kernel_refuses_other_types_and_two_types_as_one_of_the_cpu_does() -> None:
    relu, vjp = (kernels.named(o, "elementwise", "cuda") for o in ("relu", "relu_vjp"))
    with pytest.raises(TypeError, match="float32 or float64; got float16"):
        relu(emulated(X.astype(np.float16)))
    with pytest.raises(TypeError, match="one type, float32 or float64; got float32, float64"):
        vjp(emulated(X), emulated(X.astype(np.float32)))


def test_a_product_takes_arrays_of_one_device() -> None:
    a, b = (emulated(RNG.standard_normal(shape)) for shape in ((7, 2, 3), (7, 3, 4)))
    out = emulated(np.zeros((7, 2, 4)))
    assert product(a, b, out) is out
    assert np.array_equal(host(out), host(a) @ host(b))
    for mixed in (a, host(b)), (host(a), host(b)):
        with pytest.raises(TypeError, match="arrays of one device, cuda or the emulator; got"):
            product(*mixed)


def without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)


def test_without_cupy_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    without_cupy(monkeypatch)
    with pytest.raises(NoGPU, match=r"pip install 'minidl-zfnet\[cuda12\]'.*device=\"emulator\""):
        place(X, "cuda")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"broken": True}, "cudaErrorInsufficientDriver.*install NVIDIA's driver"),
        ({"count": 0}, "finds no GPU.*CUDA_VISIBLE_DEVICES"),
        ({"capability": "61"}, "compute capability 6.1.*need 7.0"),
    ],
)
def test_without_a_gpu_that_serves_the_error_says_why(settings: Any, message: str) -> None:
    with (
        fake_cupy.installed(**settings),
        pytest.raises(NoGPU, match=message + '.*device="emulator"'),
    ):
        place(X, "cuda")


def test_products_in_tf32_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_cupy.installed():
        monkeypatch.setenv("CUPY_TF32", "1")
        with pytest.raises(NoGPU, match=r"CUPY_TF32=1 rounds .* unset it"):
            place(X, "cuda")

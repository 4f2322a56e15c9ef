"""Tests of the benchmark's measurements on a GPU, with a fake one whose clock advances by its work.

They do not cover a driver or a real GPU.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench import gpu_limits, prepared_contender
from bench.cases import Case, Contender
from bench.contenders import contenders, libraries
from bench.correctness import judge
from bench.gpu import CACHES, GPU, CuPyGPU, TorchGPU
from kernels.contract.clock import Processor
from kernels.cuda import emulator
from tests.bench.test_bench import TINY
from tests.bench.test_bench_command import bench
from tests.shared import fake_cupy

pytestmark = pytest.mark.quick

L2 = 1 << 20
FLUSH, CALL = 7.0, 2.0
"""Milliseconds on the fake GPU."""


@dataclass
class Fake:
    """A GPU that executes its work in order, and records the time of each event."""

    now: float = 0.0
    orders: list[str] = field(default_factory=list)
    bytes: int = 0
    most: int = 0

    def order(self, what: str, milliseconds: float = 0.0) -> None:
        self.orders.append(what)
        self.now += milliseconds

    def hold(self, count: int) -> None:
        self.bytes += count
        self.most = max(self.most, self.bytes)

    def call(self) -> None:
        """A call that allocates 64 bytes, of which its result keeps 24."""
        self.hold(64)
        self.order("call", CALL)
        self.hold(-40)


class Event:
    def __init__(self, fake: Fake) -> None:
        self.fake, self.at = fake, np.nan

    def record(self) -> None:
        self.fake.order("record")
        self.at = self.fake.now

    def elapsed_time(self, later: Event) -> float:
        return later.at - self.at


class Cover:
    """Memory to be overwritten."""

    def __init__(self, fake: Fake, count: int) -> None:
        self.fake, self.count = fake, count

    def fill(self, value: int) -> None:
        self.fake.order(f"fill {self.count}", FLUSH)

    fill_ = fill


def as_cupy(module: Any, fake: Fake) -> None:
    """Give a stand-in for CuPy the clock and the pool of a fake GPU."""
    module.__version__ = "14.0"
    module.cuda.Event = lambda: Event(fake)
    module.cuda.get_elapsed_time = lambda began, ended: began.elapsed_time(ended)
    found = {"l2CacheSize": L2, "name": b"A GPU", "multiProcessorCount": 3}
    module.cuda.runtime.deviceSynchronize = lambda: fake.order("wait")
    module.cuda.runtime.getDeviceProperties = lambda number: found
    module.cuda.runtime.driverGetVersion = lambda: 12040
    module.cuda.runtime.runtimeGetVersion = lambda: 12060
    # The pool keeps freed blocks until free_all_blocks.
    module.get_default_memory_pool = lambda: SimpleNamespace(
        free_all_blocks=lambda: setattr(fake, "most", fake.bytes), total_bytes=lambda: fake.most
    )


def fake_torch(fake: Fake, cuda: str | None = "12.6", available: bool = True) -> Any:
    def forget() -> None:
        fake.most = fake.bytes

    return SimpleNamespace(
        __spec__="found",
        __version__="2.9",
        version=SimpleNamespace(cuda=cuda),
        uint8="u1",
        empty=lambda count, dtype, device: Cover(fake, count),
        cuda=SimpleNamespace(
            Event=lambda enable_timing: Event(fake),
            synchronize=lambda: fake.order("wait"),
            is_available=lambda: available,
            get_device_properties=lambda number: SimpleNamespace(L2_cache_size=L2),
            reset_peak_memory_stats=forget,
            memory_allocated=lambda: fake.bytes,
            max_memory_allocated=lambda: fake.most,
        ),
    )


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def cupy(fake: Fake) -> Iterator[Any]:
    with fake_cupy.installed() as module:
        as_cupy(module, fake)
        yield module


@pytest.fixture(params=["cupy", "torch"])
def gpu(request: pytest.FixtureRequest, fake: Fake, cupy: Any) -> Iterator[GPU]:
    """The fake GPU through CuPy's and through PyTorch's interface."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "cupy":
            patch.setattr(cupy, "empty", lambda shape, dtype: Cover(fake, *shape))
            yield CuPyGPU()
        else:
            patch.setitem(sys.modules, "torch", fake_torch(fake))
            yield TorchGPU()


def test_a_time_is_the_calls_alone_without_the_flush(gpu: GPU, fake: Fake) -> None:
    assert gpu.seconds(fake.call, 3, 2) == CALL / 1e3


def test_before_each_timed_call_more_than_the_last_cache_is_overwritten(
    gpu: GPU, fake: Fake
) -> None:
    gpu.seconds(fake.call, 2, 1)
    timed = [f"fill {CACHES * L2}", "record", "call", "record"]
    assert fake.orders == ["call", "wait", *timed, *timed, "wait"]


def test_memory_is_what_the_call_raised_and_the_most_there_was(gpu: GPU, fake: Fake) -> None:
    fake.hold(1000)
    fake.hold(-900)
    assert gpu.with_peak(fake.call)[1] == {"memory": 64, "peak": 164}


def test_on_the_cpu_a_call_returns_its_result_and_memory_where_it_is_counted() -> None:
    result, memory = Processor().with_peak(lambda: np.ones(1 << 23))
    assert result.sum() == 1 << 23  # 64 MiB: beyond what malloc keeps resident
    assert not memory or memory["peak"] >= memory["memory"] > result.nbytes / 2


def test_limits_are_the_work_over_the_gpus_own_time(
    monkeypatch: pytest.MonkeyPatch, cupy: Any, fake: Fake
) -> None:
    def works(milliseconds: float) -> Callable[..., None]:
        return lambda *_: fake.order("work", milliseconds)

    cupy.ones = cupy.empty_like = lambda *_: None
    cupy.empty = lambda shape, dtype: Cover(fake, *shape)
    cupy.copyto = works(4.0)
    monkeypatch.setattr(gpu_limits, "product", works(20.0))
    found = gpu_limits.measure()
    assert found.peak_gflops == pytest.approx(2 * gpu_limits.SIDE**3 / 20e-3 / 1e9)
    assert found.memory_gbytes == pytest.approx(gpu_limits.COPIED / 4e-3 / 1e9)
    assert "A GPU, 3 multiprocessors" in found.summary
    assert "driver's CUDA 12.4, CUDA 12.6" in found.summary


@pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")
def test_a_worker_computes_saves_and_times_on_the_gpu(
    cupy: Any, fake: Fake, tmp_path: Path
) -> None:
    """Through CuPy's interface; its RawModule is the emulator here."""
    case = Case("conv2d_dgrad", TINY, 2)
    contender = Contender("kernels", "naive", "cuda")
    job = {"operation": case.operation, "layer": asdict(TINY), "batch": 2, "threads": 1}
    prepared = prepared_contender.prepare(job | asdict(contender) | {"source": ""})
    launched = sum(len(module.launched) for module in fake_cupy.RawModule.made)
    needed = json.loads(prepared.execute(f"run {tmp_path}")[3:])
    assert needed.keys() == {"memory", "peak", "operations"}
    assert needed["operations"] == 2 * TINY.geometry(2).macs
    assert sum(len(module.launched) for module in fake_cupy.RawModule.made) == launched + 2
    result = np.load(tmp_path / "0.npy")
    assert not judge(case, {contender: [result]})[contender].message
    assert prepared.execute("time 2 0") == "ok 0.0"  # kernels take the fake GPU no time
    assert fake.orders.count("record") == 4


def test_on_a_gpu_pytorch_computes_products_once_more_in_tf32() -> None:
    found = [c for c in contenders(Case("conv2d", TINY, 1), [], ["torch"], "cuda") if not c.ours]
    assert [c.title for c in found] == [
        f"torch {n}" for n in ("NCHW", "NHWC", "NCHW TF32", "NHWC TF32")
    ]
    assert {c.device for c in found} == {"cuda"}


@pytest.mark.parametrize(
    ("cuda", "available", "reason"),
    [(None, False, "on the CPU alone"), ("12.6", False, "finds no GPU"), ("12.6", True, "")],
)
@pytest.mark.usefixtures("cupy")
def test_a_pytorch_that_cannot_use_the_gpu_is_refused_with_the_one_that_can(
    monkeypatch: pytest.MonkeyPatch, fake: Fake, cuda: str | None, available: bool, reason: str
) -> None:
    monkeypatch.setitem(sys.modules, "torch", fake_torch(fake, cuda, available))
    assert libraries(None, "cuda") == ([] if reason else ["torch"])
    if not reason:
        assert libraries(["torch"], "cuda") == ["torch"]
        return
    with pytest.raises(ValueError, match=f"{reason}.*up to 12.4.*/whl/cu126.*--against none"):
        libraries(["torch"], "cuda")


def test_onnx_runtime_is_no_contender_on_a_gpu() -> None:
    with pytest.raises(ValueError, match="--against torch, or --against none"):
        libraries(["onnxruntime"], "cuda")


@pytest.mark.usefixtures("cupy")
def test_a_pytorch_for_the_cpu_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fake: Fake
) -> None:
    monkeypatch.setitem(sys.modules, "torch", fake_torch(fake, None, False))
    assert bench(monkeypatch, "--quick", "--device", "cuda", "--against", "torch") == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "pip install --force-reinstall torch" in printed

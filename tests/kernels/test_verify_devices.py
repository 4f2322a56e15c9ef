"""The property suite on CUDA kernels: in the emulator, with CuPy's interface, and by command."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels import Kernel, named
from kernels.cli import app
from kernels.contract import registry
from kernels.contract.sources import load
from kernels.cuda import emulator
from kernels.verify import PROPERTIES, Outcome, make, try_property
from kernels.verify.arrays import GUISES
from kernels.verify.placing import run_on
from kernels.verify.snippet import snippet
from tests.shared import fake_cupy

needs_compiler = pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")
SHAPE = (2, 3, 4, 5)

PYTHON = """
import numpy as np
from kernels import kernel, memory
from kernels.cuda import Program, ctype

PROGRAM = Program(__file__, ("reverse<float>", "reverse<double>"))

@kernel("relu", name="theirs", device="cuda")
def forward(x):
    y = memory.empty_like(x)
    if y.size:
        PROGRAM.launch(f"reverse<{ctype(x.dtype)}>", (-(-y.size // 64),), (64,),
                       memory.flat(x), memory.flat(y), np.int64(y.size))
    return {result}
"""

CUDA = """
// Through shared memory, backwards and back again, so that a barrier has something to do.
template <typename T>
__global__ void reverse(const T* __restrict__ x, T* __restrict__ y, long long count) {
    __shared__ T tile[64];
    const long long i = (long long)blockIdx.x * 64 + threadIdx.x;
    tile[63 - threadIdx.x] = i < count ? x[i] : T(0);
    {barrier}
    const T value = tile[63 - {place}];
    if (i < count) y[i] = value <= T(0) ? T(0) : value;
}
"""


@pytest.fixture(autouse=True)
def nothing_stays_registered() -> Iterator[None]:
    with registry.without():
        yield


def write(folder: Path, barrier: str = "__syncthreads();", place: str = "threadIdx.x",
          result: str = "y") -> str:  # fmt: skip
    """A user's CUDA kernel: the path of its Python file, beside its source."""
    source = CUDA.replace("{barrier}", barrier).replace("{place}", place)
    (folder / "theirs.cu").write_text(source, encoding="utf-8")
    file = folder / "theirs.py"
    file.write_text(PYTHON.replace("{result}", result), encoding="utf-8")
    return str(file)


def theirs(folder: Path, **changed: str) -> Kernel:
    (kernel,) = load(write(folder, **changed))
    return kernel


def cuda_kernel(function: Callable[..., Any]) -> Any:
    """The part of a kernel that `run_on` reads, without canonicalising operands."""

    class Bare:
        device = "cuda"

        def __call__(self, *arguments: Any) -> Any:
            return function(*arguments)

    return Bare()


def tried(kernel: Kernel, law: str, examples: int = 20, **how: Any) -> Outcome:
    return try_property(kernel, PROPERTIES[law], examples, **how)


def command(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit status and everything printed."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr(sys, "argv", ["kernels", *arguments])
        app.main()
    printed = capsys.readouterr()
    return int(left.value.code or 0), printed.out + printed.err


@needs_compiler
def test_all_hold_for_a_sound_kernel_of_a_users_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["verify", write(tmp_path), "--device", "emulator", "--profile", "few"]
    status, printed = command(*arguments, capsys=capsys)
    assert status == 0, printed
    assert "1 kernel in the emulator," in printed and "all hold (profile few, seed 0" in printed
    assert "any schedule" in printed


@needs_compiler
@pytest.mark.parametrize("law", ["definition", "any schedule"])
def test_a_missing_barrier_is_a_failure_that_names_the_kernels_line(
    tmp_path: Path, law: str
) -> None:
    kernel = theirs(tmp_path, barrier="", place="(threadIdx.x ^ 1)")
    outcome = tried(kernel, law)
    assert outcome.failure is not None
    assert "the kernel raises Undefined: " in outcome.failure.reason
    assert "theirs.cu:9" in outcome.failure.reason
    assert outcome.failure.raised_at.endswith("theirs.cu:9")


@needs_compiler
def test_a_race_gives_other_bits_in_another_order(tmp_path: Path) -> None:
    """Unchecked, nobody reports the race: the order alone shows it."""
    kernel = theirs(tmp_path, barrier="", place="(63 - threadIdx.x)")
    with emulator.unchecked():
        outcome = tried(kernel, "any schedule")
    assert outcome.failure is not None
    assert "in the order of blocks and threads" in outcome.failure.reason


@needs_compiler
def test_a_failing_example_is_made_small_and_fails_again_when_pasted(tmp_path: Path) -> None:
    path = write(tmp_path, place="(threadIdx.x ^ (threadIdx.x == 2))")
    (kernel,) = load(path)
    outcome = tried(kernel, "definition", 40)
    assert outcome.failure is not None
    x = outcome.failure.call.inputs["x"]
    assert x.size == 3 and np.count_nonzero(x) == 1
    program = snippet(kernel, outcome.law, outcome.failure, path)
    assert "named('relu', 'theirs', 'cuda')" in program and "device='emulator'" in program
    done = subprocess.run([sys.executable, "-c", program], cwd="/", capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.rstrip().splitlines()[-1].endswith(outcome.failure.reason)


@needs_compiler
@pytest.mark.parametrize(
    ("result", "law", "reason"),
    [
        ("np.zeros(x.shape, x.dtype)", "definition", "returns an array of 'cpu'.*like=x"),
        ("y.view(np.ndarray)", "definition", "returns an array of 'cpu'"),
        ("x if x.size == 1 else y", "inputs kept", "a result shares memory with x"),
        ("(x.fill(0), y)[1]", "inputs kept", "the kernel writes to its input x"),
        ("memory.empty_like(x)", "all written", "with poisoned buffers"),
    ],
)
def test_mistakes_of_a_wrapper_are_reported(
    tmp_path: Path, result: str, law: str, reason: str
) -> None:
    outcome = tried(theirs(tmp_path, result=result), law, 60)
    assert outcome.failure is not None
    assert re.search(reason, outcome.failure.reason)


@needs_compiler
@pytest.mark.parametrize("law", ["definition", "any memory", "inputs kept", "two threads"])
def test_the_suite_runs_through_cupys_interface_too(law: str) -> None:
    with fake_cupy.installed():
        made = len(fake_cupy.RawModule.made)
        outcome = tried(named("relu", "elementwise", "cuda"), law, device="cuda")
    assert outcome.holds, outcome
    assert len(fake_cupy.RawModule.made) <= made + 1


def test_no_order_is_drawn_on_a_gpu() -> None:
    with fake_cupy.installed():
        relu = named("relu", "elementwise", "cuda")
        assert tried(relu, "any schedule", device="cuda").inapplicable


@pytest.mark.parametrize("guise", GUISES)
def test_arrays_lie_on_the_gpu_as_they_lay_on_the_host(guise: str) -> None:
    x = GUISES[guise](np.arange(120, dtype=np.float32).reshape(SHAPE))
    seen: list[Any] = []
    with fake_cupy.installed():
        result = run_on("cuda", cuda_kernel(lambda x: seen.append(x) or x), x)
    assert np.array_equal(result, x)
    assert seen[0].strides == x.strides


def test_what_a_kernel_writes_to_its_inputs_on_a_gpu_is_seen_on_the_host() -> None:
    x = np.zeros(SHAPE)
    with fake_cupy.installed():
        run_on("cuda", cuda_kernel(lambda x: x.fill(7) or x), x)
    assert (x == 7).all()


def test_kernels_of_the_cpu_are_tried_without_an_emulator() -> None:
    relu, call = named("relu", "elementwise"), make("relu", SHAPE, "normal", 0, np.float32)
    assert np.array_equal(run_on("emulator", relu, *call.inputs.values()), call.run(relu)[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "--device", "tpu"], "--device must be one of cpu, emulator, cuda, got 'tpu'"),
        (["verify", "--device", "cuda"], "needs CuPy, which does not import here"),
        (["list", "--device", "tpu"], "no kernel is registered for 'tpu'; operations: .*cpu, cuda"),
    ],
)
def test_a_missing_device_is_reported_in_a_line(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    status, printed = command(*arguments, capsys=capsys)
    assert status == 2
    assert re.search(message, printed) and "Traceback" not in printed


def test_the_emulator_without_a_compiler_could_not_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator, "available", lambda: False)
    status, printed = command("verify", "--device", "emulator", capsys=capsys)
    assert status == 2
    assert "g++, which is not installed (apt install g++" in printed


def test_a_cuda_kernel_is_not_tried_on_the_cpu_and_the_command_says_what_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = command("verify", write(tmp_path), capsys=capsys)
    assert status == 2
    assert "relu theirs: it is a CUDA kernel: --device emulator tries it" in printed


def test_the_list_shows_the_device_and_can_be_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    _, printed = command("list", "--op", "relu", "--device", "cuda", capsys=capsys)
    rows = [line.split()[:3] for line in printed.splitlines() if "relu" in line]
    assert rows == [["relu", "elementwise", "cuda"]]

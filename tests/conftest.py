"""Settings of the suite: hypothesis's examples, threads, and the device of CUDA kernels.

Examples are the same on every run, or many new ones on request. CUDA kernels run in the emulator,
or with --device cuda on the GPU.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

import minidl
from kernels.contract import devices, threads
from kernels.cuda import NoGPU, emulator

settings.register_profile(
    "default", max_examples=25, deadline=None, derandomize=True, database=None
)
settings.register_profile("intense", max_examples=500, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--device",
        choices=("cpu", "emulator", "cuda"),
        help="try the kernels of this device alone, CUDA kernels with more examples than otherwise",
    )


def pytest_configure(config: pytest.Config) -> None:
    """--device cuda without a GPU is an error, not a run of the emulator."""
    if config.getoption("--device") == "cuda":
        try:
            devices.cupy()
        except NoGPU as error:
            raise pytest.UsageError(f"--device cuda: {error}") from error


@pytest.fixture
def cuda_device(request: pytest.FixtureRequest) -> str:
    """Where CUDA kernels compute in this run: "cuda" if it was asked for, else "emulator"."""
    if request.config.getoption("--device") == "cuda":
        return "cuda"
    if not emulator.available():
        pytest.skip("the emulator needs g++")
    return "emulator"


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For thousands of tiny arrays: on a busy machine two threads wait longer than they compute."""
    before = threads.get_num_threads()
    threads.set_num_threads(1)
    yield
    threads.set_num_threads(before)


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    """A command that a test runs in this process sets threads: not for the next test too."""
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


@pytest.fixture(autouse=True)
def gradients_in_pytorch() -> Iterator[None]:
    """A benchmark's contender switches PyTorch's tape off: not for the next test too."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_grad_enabled(True)


@pytest.fixture
def exact_kernels() -> Iterator[None]:
    with minidl.exact():
        yield

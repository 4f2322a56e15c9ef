"""How hypothesis draws (the same examples on every run, or many new ones on request); threads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

import minidl
from kernels import threads

settings.register_profile(
    "default", max_examples=25, deadline=None, derandomize=True, database=None
)
settings.register_profile("intense", max_examples=500, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For thousands of tiny arrays: on a busy machine two threads wait longer than they compute."""
    before = threads.get_num_threads()
    threads.set_num_threads(1)
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

"""Calls from several Python threads, and memory over many calls of different sizes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from kernels import all_kernels
from minidl import Tensor, nn, no_grad, optim
from minidl import functional as F

ROOT = Path(__file__).resolve().parents[2]
THREADS, TIMES = 4, 6
STATM = Path("/proc/self/statm")


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def at_once(works: list[Callable[[], list[np.ndarray]]]) -> list[list[list[np.ndarray]]]:
    """What each of them returns, TIMES times, each in a Python thread of its own."""
    results: list[list[list[np.ndarray]]] = [[] for _ in works]
    barrier = threading.Barrier(len(works))

    def run(i: int) -> None:
        barrier.wait()
        for _ in range(TIMES):
            results[i].append(works[i]())

    running = [threading.Thread(target=run, args=(i,)) for i in range(len(works))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return results


def check(works: list[Callable[[], list[np.ndarray]]]) -> None:
    """In threads, all of them give the bits that they give one after another."""
    alone = [work() for work in works]
    for results, expected in zip(at_once(works), alone, strict=True):
        assert len(results) == TIMES, "a thread ended with an error"
        for result in results:
            for a, b in zip(result, expected, strict=True):
                np.testing.assert_array_equal(a, b)


def trained(seed: int, **options: Any) -> list[np.ndarray]:
    """A convolution's result and gradients."""
    x = Tensor(drawn(2, 6, 15, 14, seed=seed), requires_grad=True)
    w = Tensor(drawn(8, 6, 3, 3, seed=seed + 1), requires_grad=True)
    y = F.max_pool2d(F.relu(F.conv2d(x, w, padding=1, **options)), 2)
    y.backward(drawn(*y.shape, seed=seed + 2))
    assert x.grad is not None and w.grad is not None
    return [np.array(t.data) for t in (y, x.grad, w.grad)]


def test_forward_and_backward_in_four_threads() -> None:
    check([lambda seed=seed: trained(seed) for seed in range(THREADS)])  # type: ignore[misc]


def test_another_algorithm_in_each_thread() -> None:
    names = [k.name for k in all_kernels("conv2d") if k.device == "cpu"]
    algorithms = [n for n in ("direct", "im2col", "winograd_tiles") if n in names]
    check([lambda n=n: trained(3, algorithm=n) for n in algorithms])  # type: ignore[misc]


def test_exact_in_one_thread_leaves_the_others_choice() -> None:
    def exact() -> list[np.ndarray]:
        with minidl.exact():
            return trained(5)

    check([exact, lambda: trained(5), exact, lambda: trained(5)])


def test_one_network_in_inference_in_four_threads() -> None:
    """They share its parameters, and what is kept for them."""
    rng = np.random.default_rng(1)
    net = nn.Sequential(
        conv=nn.Conv2d(3, 16, 3, padding=1, rng=rng), relu=nn.ReLU(), pool=nn.MaxPool2d(2),
        flat=nn.Flatten(), linear=nn.Linear(16 * 8 * 8, 10, rng=rng),
    )  # fmt: skip
    net.eval()

    def scores(seed: int) -> list[np.ndarray]:
        with no_grad():
            return [np.array(net(Tensor(drawn(2, 3, 16, 16, seed=seed))).data)]

    check([lambda seed=seed: scores(seed) for seed in range(THREADS)])  # type: ignore[misc]


def test_four_threads_train_a_network_each() -> None:
    def losses(seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        net = nn.Sequential(
            conv=nn.Conv2d(3, 8, 3, rng=rng), relu=nn.ReLU(), flat=nn.Flatten(),
            linear=nn.Linear(8 * 6 * 6, 4, rng=rng),
        )  # fmt: skip
        step = optim.SGD(dict(net.named_parameters()), lr=0.01, momentum=0.9)
        x, labels, found = Tensor(drawn(4, 3, 8, 8, seed=seed)), np.arange(4), []
        for _ in range(3):
            loss = F.cross_entropy(net(x), labels)
            loss.backward()
            step.step()
            found.append(np.array(loss.data))
        return found

    check([lambda seed=seed: losses(seed) for seed in range(THREADS)])  # type: ignore[misc]


MANY_CALLS = """
import mmap
from pathlib import Path
import numpy as np
from minidl import Tensor, functional as F, set_num_threads

set_num_threads(1)  # on a busy machine two wait longer for each other than they compute
rng = np.random.default_rng(0)

def call():
    N, C, K = (int(rng.integers(1, most)) for most in (5, 9, 17))
    H, W = (int(size) for size in rng.integers(7, 60, 2))
    R, stride = int(rng.choice([1, 3, 5])), int(rng.integers(1, 3))
    x = Tensor(rng.standard_normal((N, C, H, W), np.float32), requires_grad=True)
    w = Tensor(rng.standard_normal((K, C, R, R), np.float32), requires_grad=True)
    y = F.max_pool2d(F.relu(F.conv2d(x, w, stride=stride, padding=R // 2)), 2)
    y.backward(np.ones(y.shape, np.float32))

for number in range(1, 2001):
    call()
    if number in (500, 2000):
        print(int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE)
"""


@pytest.mark.skipif(not STATM.is_file(), reason="no file says what is resident")
def test_memory_after_2000_calls_of_drawn_sizes_is_that_after_500() -> None:
    """Within 5 percent: what is kept for a size is kept for a number of sizes."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-c", MANY_CALLS]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    early, late = map(int, said.stdout.split())
    assert late <= 1.05 * early, (early, late)

"""Functions that are compiled for the first image of a network: a count, whatever their speed."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import gc
import numpy as np
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher
import minidl
from minidl import Tensor, nn
from minidl import functional as F

class Bottleneck(nn.Module):
    def __init__(self, inputs, width, outputs, stride):
        self.first = nn.Conv2d(inputs, width, 1)
        self.second = nn.Conv2d(width, width, 3, stride=stride, padding=1)
        self.third = nn.Conv2d(width, outputs, 1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride)

    def forward(self, x):
        y = F.relu(self.second(F.relu(self.first(x))))
        return F.relu(self.third(y) + self.shortcut(x))

network = nn.Sequential(
    nn.Conv2d(3, 16, 7, stride=2, padding=3), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
    Bottleneck(16, 32, 64, 1), Bottleneck(64, 64, 128, 2), Bottleneck(128, 128, 256, 2),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10),
)
image = np.random.default_rng(0).normal(size=(1, 3, 112, 112)).astype(np.float32)
with minidl.no_grad():
    assert network(Tensor(image)).shape == (1, 10)
compiled = [
    f"{d.py_func.__module__}.{d.py_func.__name__}"
    for d in gc.get_objects()
    if isinstance(d, Dispatcher) and isinstance(d._cache, FunctionCache)
    for signature in d.overloads
]
print(*sorted(compiled))
"""
MOST = 20
"""Entry points that a narrow ResNet with bottlenecks needs; each takes a second to compile."""


def test_the_first_image_of_a_resnet_compiles_few_functions() -> None:
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True, text=True, timeout=600,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    compiled = made.stdout.split()
    assert 5 < len(compiled) <= MOST, compiled
    assert len(compiled) == len(set(compiled)), f"compiled for several types: {compiled}"

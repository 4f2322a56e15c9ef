"""The same bits in two runs, and with any number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernels.contract.threads import MOST_PARTS, partial_sums

ROOT = Path(__file__).resolve().parents[2]
COUNTS = 1, 2, 3, 8
CASES = 6
"""Drawn calls of each kernel."""
BEGIN = """
import hashlib, sys
import numpy as np
from kernels import ConvGeometry, all_kernels, pick
from kernels.contract import threads

def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()

rng = np.random.default_rng(0)
def drawn(shape):
    return rng.standard_normal(shape, np.float32)
"""
KERNELS = """
for number, settings in enumerate([
    ((2, 3, 40, 40), (24, 3, 7, 7), 2, 1), ((2, 32, 13, 13), (48, 32, 3, 3), 1, 1),
    ((100, 16, 13, 13), (40, 16, 1, 1), 1, 0), ((1, 8, 30, 30), (16, 8, 5, 5), 1, 2),
]):
    g = ConvGeometry.of(*settings)
    x, w, gy = (drawn(shape) for shape in (g.x_shape, g.w_shape, g.y_shape))
    operands = {"conv2d": (x, w), "conv2d_dgrad": (gy, w), "conv2d_wgrad": (x, gy)}
    for operation, arrays in operands.items():
        picked = set()
        for kernel in all_kernels(operation):
            if kernel.device != "cpu" or kernel.name == "loops" or not kernel.supports(g):
                continue
            found = set()
            for count in COUNTS:
                threads.set_num_threads(count)
                found.add(digest(kernel(*arrays, g)))
                picked.add(pick(operation, "cpu", g).name)
            if len(found) > 1:
                print(f"{operation} {kernel.name}, geometry {number}: {len(found)} results")
        if len(picked) > 1:
            print(f"{operation}, geometry {number}: picked {picked}")
# A linear layer's three products: of one image, two, some, and more than `few_rows` takes.
for shape in (1, 1003, 517), (2, 9001, 30), (16, 1003, 300), (150, 333, 201), (1000, 9, 64):
    for layout in "CF":
        a, b = drawn(shape[::2]), np.asarray(drawn((shape[2], shape[1])), order=layout)
        for kernel in all_kernels("matmul"):
            if kernel.device != "cpu" or not kernel.supports(shape):
                continue
            found = set()
            for count in COUNTS:
                threads.set_num_threads(count)
                found.add(digest(kernel(a, b, shape)))
            if len(found) > 1:
                print(f"matmul {kernel.name}, {shape}, {layout}: {len(found)} results")
print("done")
"""
DRAWN = """
from kernels.verify import fingerprint

for kernel in all_kernels():
    subject, found = fingerprint.of_kernel(kernel, "cpu"), []
    if kernel.device != "cpu":
        continue
    cases = fingerprint.numbers(subject, "float32", 0, CASES)
    for count in COUNTS:
        threads.set_num_threads(count)
        found.append(fingerprint.digests(subject, "float32", 0, cases))
    for call in found[0]:
        if len({digests[call] for digests in found}) > 1:
            print(f"{call} differs")
print("done")
"""
TRAINING = """
from minidl import Tensor, nn, optim
from minidl import functional as F

def trained():
    rng = np.random.default_rng(3)
    net = nn.Sequential(
        conv1=nn.Conv2d(3, 12, 7, 2, 1, rng=rng), relu1=nn.ReLU(), pool1=nn.MaxPool2d(3, 2),
        norm=nn.LocalContrastNorm(), conv2=nn.Conv2d(12, 24, 3, padding=1, rng=rng),
        relu2=nn.ReLU(), batch=nn.BatchNorm2d(24), pool2=nn.AvgPool2d(2), flat=nn.Flatten(),
        fc=nn.Linear(24 * 7 * 7, 37, rng=rng), relu3=nn.ReLU(), last=nn.Linear(37, 10, rng=rng),
    )
    step = optim.SGD(dict(net.named_parameters()), lr=0.01)
    for images in 8, 1, 2:
        x, labels = rng.standard_normal((images, 3, 64, 64), np.float32), np.arange(images)
        F.cross_entropy(net(Tensor(x)), labels).backward()
        step.step()
    return digest(*(p.data for p in net.parameters()))

found = []
for count in (*COUNTS, *COUNTS):
    threads.set_num_threads(count)
    found.append(trained())
if len(set(found)) > 1:
    print("trained weights differ:", found)
print("done")
"""


@pytest.mark.parametrize(
    "program", [KERNELS, DRAWN, TRAINING], ids=["kernels", "drawn", "training"]
)
def test_any_number_of_threads_gives_the_same_bits(program: str) -> None:
    """Of every kernel for the CPU, of the choice of a kernel, and of training."""
    path = os.pathsep.join([str(ROOT), *sys.path])
    environment = os.environ | {"PYTHONPATH": path, "NUMBA_NUM_THREADS": str(max(COUNTS))}
    text = BEGIN + f"COUNTS, CASES = {COUNTS}, {CASES}\n" + program
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stdout + done.stderr


def test_the_parts_of_a_sum_are_few_and_depend_on_its_terms() -> None:
    counts = [partial_sums(terms) for terms in range(0, 400_000, 997)]
    assert counts == sorted(counts)
    assert set(counts) == {2, 4, 8, MOST_PARTS}

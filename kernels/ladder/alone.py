"""Run of one step: checked, timed, and compared with the step before.

    python -m kernels.ladder im2col [--images 16] [--threads 2] [--rounds 5]

`python -m bench ladder` times all steps, each in a process of its own, with other libraries.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np

from kernels.contract import memory, threads
from kernels.contract.geometry import ConvGeometry
from kernels.cpu.gemm import gemm
from kernels.ladder.checking import share_of_bound
from kernels.ladder.step import Step
from kernels.ladder.steps import STEPS

SIDE = 1536


def operands(g: ConvGeometry, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """x (N,C,H,W), NHWC in memory, and w (K,C,R,S), drawn from a normal distribution."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((g.N, g.H, g.W, g.C), np.float32)
    return memory.nchw(x), rng.standard_normal(g.w_shape, np.float32)


def conv3(images: int, channels: int = 256, filters: int = 384) -> ConvGeometry:
    """ZFNet's third convolution, or the same with fewer channels."""
    return ConvGeometry.of((images, channels, 13, 13), (filters, channels, 3, 3), 1, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Checks and times a step and the one before; prints a line for each."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    name = asked.step
    if asked.threads is not None:
        try:
            threads.set_num_threads(asked.threads)
        except ValueError as error:
            parser.error(str(error))
    g = conv3(asked.images, asked.channels, asked.filters)
    x, w = operands(g)
    share = share_of_bound(STEPS[name], x, w, g)
    if not share <= 1:
        raise SystemExit(f"{name} is wrong: its error is {share:.3g} times its bound")
    print(f"x {g.x_shape}, w {g.w_shape}, {threads.get_num_threads()} threads")
    print(f"checked against float64: the largest error is {share:.2g} of its bound")
    peak = 2 * SIDE**3 / min(seconds(_product(), asked.rounds))
    names = list(STEPS)
    before = names[names.index(name) - 1 : names.index(name)]
    took = [_report(other, STEPS[other], x, w, g, peak, asked.rounds) for other in (*before, name)]
    if before:
        print(f"{took[0] / took[1]:.2f} times as fast as {before[0]}")
    print(f"peak: {peak / 1e9:.0f} GFLOP/s, a matrix product of side {SIDE} on all threads")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kernels.ladder")
    parser.add_argument("step", choices=tuple(STEPS), help="the step to run")
    parser.add_argument("--images", type=_at_least_one, default=16, help="N (16)")
    parser.add_argument("--channels", type=_at_least_one, default=256, help="C (256)")
    parser.add_argument("--filters", type=_at_least_one, default=384, help="K (384)")
    parser.add_argument("--threads", type=int, help="threads (all)")
    parser.add_argument("--rounds", type=_at_least_one, default=5, help="timed calls (5)")
    return parser


def _at_least_one(text: str) -> int:
    """A count from the command line; argparse prints the error."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text!r}")
    return int(text)


def _product() -> Callable[[], object]:
    """A large matrix product, whose rate is taken as the machine's peak."""
    a, b = np.random.default_rng(0).standard_normal((2, SIDE, SIDE), np.float32)
    out = np.empty_like(a)

    def product() -> None:
        with threads.region():
            gemm(a, b, out)

    return product


def _report(
    name: str, step: Step, x: np.ndarray, w: np.ndarray, g: ConvGeometry, peak: float, rounds: int
) -> float:
    """Prints a step's time and rates; returns its median in seconds."""
    filters = step.prepare(w)
    took = float(np.median(seconds(lambda: step.run(x, filters, g.padding[0]), rounds)))
    rate = step.operations(g) / took
    print(f"{name:15} {1e3 * took:9.2f} ms {rate / 1e9:8.1f} GFLOP/s {rate / peak:6.1%} of peak")
    return took


def seconds(run: Callable[[], object], rounds: int) -> list[float]:
    """The seconds of each of `rounds` calls, after one that compiles."""
    run()
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        run()
        found.append(time.perf_counter() - began)
    return found

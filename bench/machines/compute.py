"""Computation of a shard, measured in one process: when each bucket of gradients is complete."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.machines.step import Bucket, Compute
from minidl import Tensor, nn, optim
from minidl import functional as F
from minidl.leaf_gradients import backward_by_leaf
from zfnet.architectures import NamedSettings, build
from zfnet.inspectable import InspectableGraph
from zfnet.model import ZFNet
from zfnet.parallel.arena import Layout


@dataclass(frozen=True)
class Subject:
    """A network whose steps are modelled: its name, image size, classes, and share of its maps."""

    name: Literal["zfnet", "resnet18"]
    image_size: int
    classes: int
    width: float = 1.0

    @property
    def title(self) -> str:
        narrow = f" of width {self.width:g}" if self.width != 1 else ""
        names = {"zfnet": "ZFNet", "resnet18": "ResNet-18"}
        return f"{names[self.name]}{narrow} at {self.image_size} pixels"

    def model(self) -> InspectableGraph:
        if self.name == "zfnet":
            # Images below 112 pixels: the strides of `zfnet/experiments/shared/scales.py`.
            strides = (2, 2) if self.image_size >= 112 else (2, 1)
            return ZFNet(
                self.classes, self.image_size, self.width, strides=strides, init="he",
                hidden=(round(4096 * self.width),) * 2,
            )  # fmt: skip
        return build(
            NamedSettings(self.name, self.classes, image_size=self.image_size, width=self.width)
        )


def operations(model: InspectableGraph) -> float:
    """Floating-point operations of a training step, for each image: three products of two
    operations for each weight and place of convolutions and linear layers."""
    shapes, found = model.shapes(), 0.0
    for name, layer in model.children():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            places = np.prod(shapes[name][1:]) if isinstance(layer, nn.Conv2d) else 1
            found += 6.0 * layer.weight.size * float(places)
    return found


class Meter:
    """Computation of a shard of so many images, pass after pass."""

    def __init__(self, model: InspectableGraph, images: int) -> None:
        rng, side = np.random.default_rng(0), model.image_size
        x = rng.normal(size=(images, side, side, 3)).astype(np.float32)
        self.model, self.x = model, x.transpose(0, 3, 1, 2)  # (N,S,S,3) -> (N,3,S,S)
        self.labels = rng.integers(0, 2, images)
        parameters = dict(model.named_parameters())
        self.buckets = Layout(parameters, {}).buckets
        self.optimizer = optim.SGD(parameters, 1e-4, 0.9)
        of_name = {name: n for n, b in enumerate(self.buckets) for name in b.names}
        self._bucket = {id(p): of_name[name] for name, p in parameters.items()}
        self._passes: list[_Pass] = []

    def once(self) -> None:
        """One pass; the first one, which compiles and allocates, does not count."""
        self.model.train()
        self.model.set_randomness(0, 0)
        ready, began = np.zeros(len(self.buckets)), time.perf_counter()
        logits = self.model(self.model.input_tensor(self.x))
        loss = F.cross_entropy(logits, self.labels, reduction="sum")
        middle = time.perf_counter()

        def take(leaf: Tensor, gradient: Tensor) -> None:
            leaf.grad = gradient
            ready[self._bucket[id(leaf)]] = time.perf_counter() - middle

        backward_by_leaf(loss, take)
        end = time.perf_counter()
        self.optimizer.step()
        update = time.perf_counter() - end
        self._passes.append(_Pass(middle - began, end - middle, update, ready))

    def compute(self) -> Compute:
        """Medians of the passes."""
        passes = self._passes[1:]
        forward, backward, update = (
            statistics.median(getattr(one, part) for one in passes)
            for part in ("forward", "backward", "update")
        )
        ready = np.median([one.ready for one in passes], axis=0)
        # A bucket is sent after those before it.
        ready = np.minimum(np.maximum.accumulate(ready), backward)
        buckets = tuple(
            Bucket(4.0 * (b.stop - b.start), float(r))
            for b, r in zip(self.buckets, ready, strict=True)
        )
        return Compute(len(self.x), forward, backward, update, buckets)


@dataclass(frozen=True)
class _Pass:
    """Seconds of a pass, and after how many of the backward pass each bucket was complete."""

    forward: float
    backward: float
    update: float
    ready: np.ndarray

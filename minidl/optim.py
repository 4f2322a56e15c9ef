"""Stochastic gradient descent, and schedules of its learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from kernels import pick_for
from kernels.contract import memory
from minidl import device
from minidl.nn import Parameter
from minidl.tensor import Tensor


class SGD:
    """w <- w - lr v,  v <- momentum v + (gradient + weight_decay w), as in PyTorch.

    A parameter with several names in `parameters` is one: it keeps the first name.
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        in_range = 0 <= lr < math.inf and 0 <= momentum < 1 and 0 <= weight_decay < math.inf
        if not in_range:
            raise ValueError(
                "SGD: lr and weight_decay must be finite and not negative, momentum in [0, 1); got "
                f"lr={lr}, momentum={momentum}, weight_decay={weight_decay}"
            )
        if not isinstance(parameters, Mapping):
            raise TypeError(
                "SGD: parameters must be a mapping from names, as dict(module.named_parameters()) "
                f"is, got a {type(parameters).__name__}"
            )
        first = {id(p): name for name, p in reversed(list(parameters.items()))}
        self.parameters = {name: p for name, p in parameters.items() if first[id(p)] == name}
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.velocity = {
            name: memory.cache_aligned(np.zeros_like(p._array))
            for name, p in self.parameters.items()
        }

    def step(self) -> None:
        """One update from every parameter's `.grad`; parameters without a gradient are unchanged.

        An error, for lack of memory say, is raised before the first parameter is changed.
        """
        updates = [
            (parameter, self._ready(name, parameter, parameter.grad))
            for name, parameter in self.parameters.items()
            if parameter.grad is not None
        ]
        for parameter, update in updates:
            update()
            parameter.assign(parameter._array)  # copies nothing: it counts the change for the tape

    def _ready(self, name: str, parameter: Parameter, gradient: Tensor) -> Callable[[], None]:
        settings = {"momentum": self.momentum, "weight_decay": self.weight_decay}
        w, v = parameter._array, self.velocity[name]
        return ready(w, v, gradient.data, lr=self.lr, **settings)


def ready(
    w: np.ndarray, v: np.ndarray, g: np.ndarray, *, lr: float, momentum: float, weight_decay: float
) -> Callable[[], None]:
    """A function that updates w and v in place, and allocates nothing.

    Whatever may fail, for lack of memory too, fails here, before w and v are changed. ValueError if
    the shapes differ, TypeError if the types or the devices do.
    """
    if not w.shape == v.shape == g.shape:
        raise ValueError(f"SGD: w {w.shape}, v {v.shape} and g {g.shape} must be of one shape")
    memory.common_float((w, v, g), "SGD")
    places = sorted({device.of(a) for a in (w, v, g)})
    if len(places) != 1:
        raise TypeError(f"SGD: w, v and g lie on {' and '.join(places)}; on one they fit")
    canonical = tuple(memory.canonicalise(a) for a in (w, v, g))
    step = partial(pick_for("sgd_step", w, w.shape), *canonical, out=canonical[:2])
    settings = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
    return partial(_step, (w, v), canonical[:2], partial(step, **settings))


def _step(
    own: Sequence[np.ndarray], changed: Sequence[np.ndarray], step: Callable[[], object]
) -> None:
    """Make the step, and bring back what it changed where that is a packed copy."""
    step()
    for array, new in zip(own, changed, strict=True):
        if new is not array:
            array[...] = new


class Plateau:
    """Lower the rate by `factor` when the validation error has not fallen for `patience` epochs.

    A fall is an error below the best one so far by more than `threshold`. The paper lowers the rate
    by hand (section 3).
    """

    def __init__(
        self, lr: float, factor: float = 0.1, patience: int = 3, threshold: float = 1e-3
    ) -> None:
        self.lr, self.factor, self.patience, self.threshold = lr, factor, patience, threshold
        self.best = math.inf
        self.bad = 0

    def __call__(self, epoch: float, error: float | None) -> float:
        """The rate after an epoch that ended with `error` (None: before the first)."""
        if error is None:
            return self.lr
        if error < self.best - self.threshold:
            self.best, self.bad = error, 0
        else:
            self.bad += 1
        if self.bad >= self.patience:
            self.lr, self.bad = self.lr * self.factor, 0
        return self.lr

    def state(self) -> dict[str, Any]:
        return {"lr": self.lr, "best": self.best, "bad": self.bad}

    def load(self, state: Mapping[str, Any]) -> None:
        self.lr, self.best, self.bad = state["lr"], float(state["best"]), int(state["bad"])


class Cosine:
    """lr (1 + cos(pi epoch / epochs)) / 2: from lr to 0 along half a cosine."""

    def __init__(self, lr: float, epochs: int) -> None:
        self.lr, self.epochs = lr, epochs

    def __call__(self, epoch: float, error: float | None) -> float:
        return self.lr * 0.5 * (1 + math.cos(math.pi * min(epoch / max(self.epochs, 1), 1.0)))

    def state(self) -> dict[str, Any]:
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Nothing to restore: the rate follows from the epoch alone."""


class Steps:
    """The rate times `factor` at each of the given epochs."""

    def __init__(self, lr: float, at: tuple[int, ...], factor: float = 0.1) -> None:
        self.lr, self.at, self.factor = lr, at, factor

    def __call__(self, epoch: float, error: float | None) -> float:
        return self.lr * self.factor ** sum(epoch >= boundary for boundary in self.at)

    def state(self) -> dict[str, Any]:
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Nothing to restore: the rate follows from the epoch alone."""


Schedule = Plateau | Cosine | Steps

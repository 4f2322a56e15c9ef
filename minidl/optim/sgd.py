"""Stochastic gradient descent with momentum."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from kernels import pick_for
from kernels.contract import memory
from minidl import device
from minidl.optim.optimizer import Given, Optimizer, check_options
from minidl.tensor import Tensor

BUFFER = "momentum_buffer"


class SGD(Optimizer):
    """w <- w - lr v,  v <- momentum v + (gradient + weight_decay w), as in PyTorch.

    With nesterov w <- w - lr (gradient + weight_decay w + momentum v). Later steps add
    1 - dampening of the gradient to v. Without `momentum` it is 0, as in PyTorch; of a mapping of
    parameters, minidl's own form, it is 0.9.
    """

    def __init__(
        self,
        parameters: Given,
        lr: float = 1e-3,
        momentum: float | None = None,
        weight_decay: float = 0.0,
        *,
        dampening: float = 0.0,
        nesterov: bool = False,
        **implementation: Any,
    ) -> None:
        check_options("SGD", implementation)
        usual = 0.9 if isinstance(parameters, Mapping) else 0.0
        self.velocity: dict[str, np.ndarray] = {}
        settings = {
            "lr": lr, "momentum": usual if momentum is None else momentum,
            "weight_decay": weight_decay, "dampening": dampening, "nesterov": nesterov,
        }  # fmt: skip
        self._check(settings)
        super().__init__(parameters, **settings)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters with settings of their own; their velocity is 0."""
        known = set(self.parameters)
        super().add_param_group(group)
        for name, parameter in self.parameters.items():
            if name not in known:
                self.velocity[name] = self._zeros(parameter)
                self.state[parameter] = {BUFFER: self.velocity[name]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for name, parameter in self.parameters.items():
            own = self.state.setdefault(parameter, {})
            if not device.is_array(own.get(BUFFER)):  # PyTorch has none before the first step
                own[BUFFER] = self._zeros(parameter)
            self.velocity[name] = own[BUFFER]

    def _zeros(self, parameter: Tensor) -> np.ndarray:
        zeros: np.ndarray = memory.cache_aligned(np.zeros_like(parameter._array))
        return zeros

    def _check(self, settings: Mapping[str, Any]) -> None:
        lr, momentum, decay = (settings[name] for name in ("lr", "momentum", "weight_decay"))
        if not (0 <= lr < math.inf and 0 <= momentum < 1 and 0 <= decay < math.inf):
            raise ValueError(
                "SGD: lr and weight_decay must be finite and not negative, momentum in [0, 1); got "
                f"lr={lr}, momentum={momentum}, weight_decay={decay}"
            )
        if settings["nesterov"] and (momentum == 0 or settings["dampening"] != 0):
            raise ValueError(
                f"SGD: nesterov needs momentum above 0, no dampening; got momentum={momentum}, "
                f"dampening={settings['dampening']}"
            )

    def _ready(
        self, parameter: Tensor, gradient: Tensor, group: Mapping[str, Any]
    ) -> Callable[[], None]:
        w, own = parameter._array, self.state[parameter]
        settings = {name: group[name] for name in ("lr", "momentum", "weight_decay")}
        if group["nesterov"] or group["dampening"]:
            steps = own.get("step", 0)
            return partial(_general, w, own, gradient._array, group, steps)
        return ready(w, own[BUFFER], gradient._array, **settings)


def _general(
    w: np.ndarray, own: dict[str, Any], g: np.ndarray, group: Mapping[str, Any], steps: int
) -> None:
    """A step with nesterov or dampening, of which the first adds the whole gradient."""
    v, momentum = own[BUFFER], group["momentum"]
    g = g + group["weight_decay"] * w
    v *= momentum
    v += g if steps == 0 else (1 - group["dampening"]) * g
    w -= group["lr"] * (g + momentum * v if group["nesterov"] else v)
    own["step"] = steps + 1


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

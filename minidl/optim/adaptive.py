"""Optimisers with a rate for each weight: Adagrad, Adadelta, RMSprop, NAdam, as in PyTorch.

A subclass defines one update of arrays; checks, state and weight decay are common. Weight decay is
added to the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from minidl import device
from minidl.optim.optimizer import Given, Optimizer, check_options
from minidl.tensor import Tensor

Settings = Mapping[str, Any]


class Adaptive(Optimizer):
    """An update of w by the gradient g and averages of it, which the state has by name."""

    def __init__(self, parameters: Given, **settings: Any) -> None:
        self._check(settings)
        super().__init__(parameters, **settings)

    def _check(self, settings: Settings) -> None:
        for name, value in settings.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and not 0 <= value < math.inf:
                raise ValueError(
                    f"{type(self).__name__}: {name} must be finite and not negative, got {value}"
                )

    def _ready(self, parameter: Tensor, gradient: Tensor, group: Settings) -> Callable[[], None]:
        w, g = parameter._array, gradient._array
        if g.shape != w.shape or g.dtype != w.dtype or device.of(g) != device.of(w):
            raise ValueError(
                f"{type(self).__name__}: the gradient is {g.dtype} {g.shape} on {device.of(g)}, "
                f"its parameter {w.dtype} {w.shape} on {device.of(w)}"
            )
        own = self.state.get(parameter)
        if own is None:
            own = {"step": 0, **self._begin(parameter, group)}
            self.state[parameter] = own
        return partial(self._step, w, g, own, group)

    def _step(self, w: np.ndarray, g: np.ndarray, own: dict[str, Any], group: Settings) -> None:
        own["step"] = int(own["step"]) + 1
        decay = group["weight_decay"]
        self._update(w, g + decay * w if decay else g, own, group)

    def _begin(self, parameter: Tensor, group: Settings) -> dict[str, Any]:
        """The state before the first step."""
        raise NotImplementedError

    def _update(self, w: np.ndarray, g: np.ndarray, own: dict[str, Any], group: Settings) -> None:
        """One step of w, in place."""
        raise NotImplementedError


class RMSprop(Adaptive):
    """w <- w - lr g / (sqrt(v) + eps), v the running mean of g^2 (Hinton 2012).

    centered: v minus the square of the running mean of g. momentum: of the quotient.
    """

    def __init__(
        self, parameters: Given, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False,
        **implementation: Any,
    ) -> None:  # fmt: skip
        check_options(type(self).__name__, implementation)
        super().__init__(
            parameters, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum,
            centered=centered,
        )  # fmt: skip

    def _begin(self, parameter: Tensor, group: Settings) -> dict[str, Any]:
        names = {"square_avg": True, "momentum_buffer": group["momentum"] > 0,
                 "grad_avg": group["centered"]}  # fmt: skip
        return {name: self._zeros(parameter) for name, needed in names.items() if needed}

    def _update(self, w: np.ndarray, g: np.ndarray, own: dict[str, Any], group: Settings) -> None:
        alpha, v = group["alpha"], own["square_avg"]
        v *= alpha
        v += (1 - alpha) * (g * g)
        spread = v
        if group["centered"]:
            mean = own["grad_avg"]
            mean += (1 - alpha) * (g - mean)
            spread = v - mean * mean
        quotient = g / (np.sqrt(spread) + group["eps"])
        if group["momentum"]:
            velocity = own["momentum_buffer"]
            velocity *= group["momentum"]
            velocity += quotient
            quotient = velocity
        w -= group["lr"] * quotient


class Adagrad(Adaptive):
    """w <- w - lr g / (sqrt(sum of g^2) + eps) (Duchi et al. 2011)."""

    def __init__(
        self, parameters: Given, lr: float = 1e-2, lr_decay: float = 0.0, weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0, eps: float = 1e-10,
        **implementation: Any,
    ) -> None:  # fmt: skip
        check_options(type(self).__name__, implementation)
        super().__init__(
            parameters, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, eps=eps,
        )  # fmt: skip

    def _begin(self, parameter: Tensor, group: Settings) -> dict[str, Any]:
        return {"sum": self._zeros(parameter) + group["initial_accumulator_value"]}

    def _update(self, w: np.ndarray, g: np.ndarray, own: dict[str, Any], group: Settings) -> None:
        rate = group["lr"] / (1 + (own["step"] - 1) * group["lr_decay"])
        own["sum"] += g * g
        w -= rate * (g / (np.sqrt(own["sum"]) + group["eps"]))


class Adadelta(Adaptive):
    """w <- w - lr d, d = g sqrt(u + eps) / sqrt(v + eps), with the running means v of g^2 and u of
    d^2 (Zeiler 2012)."""

    def __init__(
        self, parameters: Given, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6,
        weight_decay: float = 0.0,
        **implementation: Any,
    ) -> None:  # fmt: skip
        check_options(type(self).__name__, implementation)
        super().__init__(parameters, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def _begin(self, parameter: Tensor, group: Settings) -> dict[str, Any]:
        return {name: self._zeros(parameter) for name in ("square_avg", "acc_delta")}

    def _update(self, w: np.ndarray, g: np.ndarray, own: dict[str, Any], group: Settings) -> None:
        rho, eps, v, u = group["rho"], group["eps"], own["square_avg"], own["acc_delta"]
        v *= rho
        v += (1 - rho) * (g * g)
        d = g * (np.sqrt(u + eps) / np.sqrt(v + eps))
        u *= rho
        u += (1 - rho) * (d * d)
        w -= group["lr"] * d


class NAdam(Adaptive):
    """Adam with Nesterov's momentum (Dozat 2016); momentum_decay of its schedule."""

    def __init__(
        self, parameters: Given, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0, momentum_decay: float = 4e-3,
        **implementation: Any,
    ) -> None:  # fmt: skip
        check_options(type(self).__name__, implementation)
        super().__init__(
            parameters, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay,
            momentum_decay=momentum_decay,
        )  # fmt: skip

    def _check(self, settings: Settings) -> None:
        super()._check(settings)
        if len(settings["betas"]) != 2 or not all(0 <= b < 1 for b in settings["betas"]):
            raise ValueError(f"NAdam: betas are two numbers in [0, 1), got {settings['betas']}")

    def _begin(self, parameter: Tensor, group: Settings) -> dict[str, Any]:
        own: dict[str, Any] = {n: self._zeros(parameter) for n in ("exp_avg", "exp_avg_sq")}
        return {**own, "mu_product": 1.0}

    def _update(self, w: np.ndarray, g: np.ndarray, own: dict[str, Any], group: Settings) -> None:
        t, (b1, b2), decay = own["step"], group["betas"], group["momentum_decay"]
        now, later = (b1 * (1 - 0.5 * 0.96 ** (n * decay)) for n in (t, t + 1))
        own["mu_product"] = float(own["mu_product"]) * now
        m, v, product = own["exp_avg"], own["exp_avg_sq"], own["mu_product"]
        m += (1 - b1) * (g - m)
        v *= b2
        v += (1 - b2) * (g * g)
        scale = np.sqrt(v / (1 - b2**t)) + group["eps"]
        w -= (group["lr"] * (1 - now) / (1 - product)) * (g / scale)
        w -= (group["lr"] * later / (1 - product * later)) * (m / scale)

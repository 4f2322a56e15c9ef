"""Adam (Kingma, Ba 2015), and with decoupled weight decay AdamW (Loshchilov, Hutter 2019).

    m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
    w <- w - lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps)

A step reads w, g, m and v and writes w, m and v: 28 bytes a weight in float32. The arrays are
passed through in pieces that stay in the cache, so that temporaries cost no memory traffic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from minidl import device
from minidl.optim.optimizer import Given, Optimizer, check_options
from minidl.tensor import Tensor

PIECE = 1 << 14
"""Elements that are updated at a time."""


class Adam(Optimizer):
    """The gradient's mean over the root of its mean square; weight_decay is added to the gradient.

    betas: of the two running means. amsgrad: with the largest mean square so far (Reddi 2018).
    """

    decoupled = False

    def __init__(
        self,
        parameters: Given,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        **implementation: Any,
    ) -> None:
        check_options(type(self).__name__, implementation)
        settings = {
            "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay,
            "amsgrad": amsgrad,
        }  # fmt: skip
        self._check(settings)
        super().__init__(parameters, **settings)

    def _check(self, settings: Mapping[str, Any]) -> None:
        numbers = [settings[name] for name in ("lr", "eps", "weight_decay")]
        betas = settings["betas"]
        fits = all(0 <= n < math.inf for n in numbers) and all(0 <= b < 1 for b in betas)
        if not fits or len(betas) != 2:
            raise ValueError(
                f"{type(self).__name__}: lr, eps and weight_decay must be finite and not negative, "
                f"betas two numbers in [0, 1); got lr={numbers[0]}, eps={numbers[1]}, "
                f"weight_decay={numbers[2]}, betas={betas}"
            )

    def _ready(
        self, parameter: Tensor, gradient: Tensor, group: Mapping[str, Any]
    ) -> Callable[[], None]:
        w, g = parameter._array, gradient._array
        if g.shape != w.shape or g.dtype != w.dtype or device.of(g) != device.of(w):
            raise ValueError(
                f"{type(self).__name__}: the gradient is {g.dtype} {g.shape} on {device.of(g)}, "
                f"its parameter {w.dtype} {w.shape} on {device.of(w)}"
            )
        own = self.state.get(parameter) or {"step": 0}
        names = ["exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if group["amsgrad"] else [])]
        for name in names:
            if name not in own:
                own[name] = self._zeros(parameter)
        self.state[parameter] = own
        return partial(_step, w, g, own, group, self.decoupled)


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights instead: w <- w - lr weight_decay w."""

    decoupled = True

    def __init__(
        self,
        parameters: Given,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        **implementation: Any,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, amsgrad, **implementation)


def _step(
    w: np.ndarray, g: np.ndarray, own: dict[str, Any], group: Mapping[str, Any], decoupled: bool
) -> None:
    own["step"] = int(own["step"]) + 1
    t, (b1, b2) = own["step"], group["betas"]
    rate, root = group["lr"] / (1 - b1**t), math.sqrt(1 - b2**t)
    decay, eps = group["weight_decay"], group["eps"]
    arrays = [w, g, own["exp_avg"], own["exp_avg_sq"]]
    largest = own.get("max_exp_avg_sq") if group["amsgrad"] else None
    for piece in _pieces(arrays if largest is None else [*arrays, largest]):
        w, g, m, v, *most = piece
        if decay and decoupled:
            w *= 1 - group["lr"] * decay
        elif decay:
            g = g + decay * w
        m *= b1
        m += (1 - b1) * g
        v *= b2
        v += (1 - b2) * (g * g)
        if most:
            np.maximum(most[0], v, out=most[0])
        scale = np.sqrt(most[0] if most else v)
        scale /= root
        scale += eps
        np.divide(m, scale, out=scale)
        scale *= rate
        w -= scale


def _pieces(arrays: list[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Parts of the arrays that stay in the cache; all at once where their memory differs."""
    alike = len({a.strides for a in arrays}) == 1 and device.of(arrays[0]) == "cpu"
    if not alike or arrays[0].size <= PIECE:
        yield arrays
        return
    flat = [a.ravel(order="K") for a in arrays]  # any shape -> (size,), views of dense memory
    if not all(map(np.may_share_memory, flat, arrays)):
        yield arrays
        return
    for at in range(0, len(flat[0]), PIECE):
        yield [a[at : at + PIECE] for a in flat]

"""Schedules along a cosine, with and without restarts, and the one-cycle policy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minidl.optim.lr_scheduler.schedule import LRScheduler, Rates
from minidl.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """From the initial rate to `eta_min` along half a cosine of `T_max` epochs, and back
    (Loshchilov, Hutter 2017, without restarts)."""

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Rates:
        t, T, least = self.last_epoch, self.T_max, self.eta_min
        if t == 0:
            return self._rates
        if (t - 1 - T) % (2 * T) == 0:
            rise = (1 - math.cos(math.pi / T)) / 2
            pairs = zip(self._rates, self.base_lrs, strict=True)
            return [rate + (base - least) * rise for rate, base in pairs]
        ratio = (1 + math.cos(math.pi * t / T)) / (1 + math.cos(math.pi * (t - 1) / T))
        return [ratio * (rate - least) + least for rate in self._rates]

    def closed_form(self) -> Rates:
        half = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * half for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from the initial rate to `eta_min` in `T_0` epochs, then again in `T_mult`
    times as many (Loshchilov, Hutter 2017). `step(epoch)` takes fractions of an epoch."""

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if T_0 < 1 or T_mult < 1 or int(T_0) != T_0 or int(T_mult) != T_mult:
            raise ValueError(
                "CosineAnnealingWarmRestarts: T_0 and T_mult are integers from 1 on, got "
                f"{T_0} and {T_mult}"
            )
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Rates:
        done, length = self._place(self.last_epoch)
        half = (1 + math.cos(math.pi * done / length)) / 2
        return [self.eta_min + (base - self.eta_min) * half for base in self.base_lrs]

    def _place(self, epoch: float) -> tuple[float, float]:
        """Epochs since the last restart, and from it to the next."""
        length = self.T_0
        while self.T_mult > 1 and epoch >= length:
            epoch, length = epoch - length, length * self.T_mult
        return epoch % length, length


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr, and down to the first over final_div_factor
    (Smith, Topin 2018). Steps are batches: total_steps, or epochs times steps_per_epoch.

    cycle_momentum: momentum (or Adam's first beta) goes the other way meanwhile.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: needs total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if anneal_strategy not in ("cos", "linear") or total_steps < 1 or not 0 <= pct_start <= 1:
            raise ValueError(
                "OneCycleLR: anneal_strategy is cos or linear, total_steps at least 1, pct_start "
                f"in [0, 1]; got {anneal_strategy!r}, {total_steps}, {pct_start}"
            )
        self.total_steps, self.anneal_strategy = total_steps, anneal_strategy
        self.cycle_momentum = cycle_momentum
        self.turn = pct_start * total_steps - 1
        groups = optimizer.param_groups
        peaks = list(max_lr) if isinstance(max_lr, Sequence) else [max_lr] * len(groups)
        if last_epoch == -1:
            for group, peak in zip(groups, peaks, strict=True):
                group["initial_lr"] = group["lr"] = peak / div_factor
                group["max_lr"] = peak
                group["min_lr"] = peak / div_factor / final_div_factor
                if cycle_momentum:
                    group["base_momentum"], group["max_momentum"] = base_momentum, max_momentum
                    _set_momentum(group, max_momentum)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Rates:
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {self.last_epoch} of {self.total_steps}; the cycle is over"
            )
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group["initial_lr"], group["max_lr"], group["min_lr"]))
            if self.cycle_momentum:
                low, high = group["base_momentum"], group["max_momentum"]
                _set_momentum(group, self._between(high, low, high))
        return rates

    def _between(self, start: float, middle: float, end: float) -> float:
        t, last = self.last_epoch, self.total_steps - 1
        if t <= self.turn:
            return self._annealed(start, middle, t / self.turn if self.turn else 1.0)
        return self._annealed(middle, end, (t - self.turn) / (last - self.turn))

    def _annealed(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _set_momentum(group: dict[str, Any], value: float) -> None:
    if "betas" in group:
        group["betas"] = (value, *group["betas"][1:])
    elif "momentum" in group:
        group["momentum"] = value

"""Base of the schedules of a learning rate: the count of epochs, the rates, the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.optim.optimizer import Optimizer

Rates = list[float]


class LRScheduler:
    """A schedule; a subclass defines `get_lr`, the rates at `last_epoch`."""

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: takes an optimiser, got {type(optimizer)}")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: to go on from epoch {last_epoch} each group needs its "
                    "initial_lr"
                )
        self.base_lrs: Rates = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._begin()

    def _begin(self) -> None:
        self.step()

    @property
    def _rates(self) -> Rates:
        """The groups' present rates."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def get_lr(self) -> Rates:
        """The rates at `last_epoch`, from the present ones."""
        raise NotImplementedError

    def closed_form(self) -> Rates:
        """The rates at `last_epoch`, for a step to a given epoch."""
        return self.get_lr()

    def get_last_lr(self) -> Rates:
        """The rates that were set last."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go on by one epoch, or to `epoch`, and set the rates."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._set(self.get_lr() if epoch is None else self.closed_form())

    def _set(self, rates: Rates) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = list(rates)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser and functions."""
        return {k: v for k, v in vars(self).items() if k != "optimizer" and not callable(v)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where the state is from."""
        vars(self).update(state_dict)

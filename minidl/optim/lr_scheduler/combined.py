"""Schedules one after the other, and several at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from minidl.optim.lr_scheduler.schedule import LRScheduler
from minidl.optim.optimizer import Optimizer


class SequentialLR(LRScheduler):
    """One schedule after the other, the next from each of the epochs `milestones` on."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        if len(milestones) != len(schedulers) - 1 or any(
            s.optimizer is not optimizer for s in schedulers
        ):
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedules of one optimiser need "
                f"{len(schedulers) - 1} milestones, got {len(milestones)}"
            )
        self.optimizer, self.schedulers = optimizer, list(schedulers)
        self.milestones, self.last_epoch = list(milestones), last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for each in self.schedulers:  # each has set the rate of its epoch 0 when it was made
            each.last_epoch -= 1
        self.schedulers[0].step()
        self._last_lr = self.schedulers[0].get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        """Go on by one epoch, of the schedule whose turn it is."""
        if epoch is not None:
            raise ValueError("SequentialLR: steps one by one, not to a given epoch")
        self.last_epoch += 1
        number = bisect_right(self.milestones, self.last_epoch)
        turn = self.schedulers[number]
        if number > 0 and self.milestones[number - 1] == self.last_epoch:
            turn.step(0)
        else:
            turn.step()
        self._last_lr = turn.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        own = {k: v for k, v in vars(self).items() if k not in ("optimizer", "schedulers")}
        return {**own, "schedulers": [each.state_dict() for each in self.schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        for each, state in zip(self.schedulers, state_dict["schedulers"], strict=True):
            each.load_state_dict(state)
        vars(self).update({k: v for k, v in state_dict.items() if k != "schedulers"})


class ChainedScheduler(LRScheduler):
    """Several schedules that all act at each step."""

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        owners = {id(each.optimizer) for each in schedulers}
        if len(owners) != 1 or (optimizer is not None and id(optimizer) not in owners):
            raise ValueError(
                f"ChainedScheduler: takes schedules of one optimiser, got {len(schedulers)} of "
                f"{len(owners)}"
            )
        self.schedulers, self.optimizer = list(schedulers), schedulers[0].optimizer
        self._last_lr = self._rates

    def step(self, epoch: int | None = None) -> None:
        """Go on by one epoch in every schedule."""
        for each in self.schedulers:
            each.step(epoch)
        self._last_lr = self._rates

    def state_dict(self) -> dict[str, Any]:
        own = {k: v for k, v in vars(self).items() if k not in ("optimizer", "schedulers")}
        return {**own, "schedulers": [each.state_dict() for each in self.schedulers]}

    load_state_dict = SequentialLR.load_state_dict

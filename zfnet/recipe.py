"""How to train: the paper's recipe (section 3) and what may differ from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from minidl import optim


@dataclass(frozen=True)
class Recipe:
    """How to train; the defaults are the paper's (section 3).

    crops:      "ten": one of the ten crops a visit; "random": any position and flip.
    schedule:   "plateau": times `factor` when the validation error has not fallen for `patience`
                epochs (the paper's, by hand); "cosine": to 0 over all epochs.
    max_rms:    filters above it are scaled back to it after each step; 0: never.
    checkpoint_every: steps between checkpoints inside an epoch; 0: at its end only.
    keep_epochs: after these the network is kept, to see what each map learned when (Fig 4; there
                1, 2, 5, 10, 20, 30, 40, 64).
    """

    epochs: int = 70
    batch_size: int = 128
    lr: float = 1e-2
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: Literal["plateau", "cosine"] = "plateau"
    factor: float = 0.1
    patience: int = 3
    max_rms: float = 0.1
    crops: Literal["ten", "random", "centre"] = "ten"
    seed: int = 0
    checkpoint_every: int = 0
    keep_epochs: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "keep_epochs", tuple(self.keep_epochs))  # JSON has lists
        if self.schedule not in ("plateau", "cosine"):
            raise ValueError(f"schedule must be plateau or cosine, got {self.schedule!r}")
        if not 0 < self.factor <= 1:
            raise ValueError(f"factor must be above 0 and at most 1, got {self.factor}")
        for name, least in (("epochs", 0), ("batch_size", 1), ("patience", 1), ("max_rms", 0),
                            ("seed", 0), ("checkpoint_every", 0)):  # fmt: skip
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if min(self.keep_epochs, default=1) < 1:
            raise ValueError(f"keep_epochs counts from 1, got {self.keep_epochs}")

    def make_schedule(self) -> optim.Schedule:
        if self.schedule == "cosine":
            return optim.Cosine(self.lr, self.epochs)
        return optim.Plateau(self.lr, self.factor, self.patience)

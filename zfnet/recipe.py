"""Training recipe: the paper's hyperparameters (section 3) as defaults, and the alternatives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from minidl import optim
from zfnet.documented import documented


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of a training; the defaults are the paper's (section 3).

    The command line makes an option of every field (`zfnet/cli/groups.py`). The paper lowers the
    learning rate by hand when the validation error plateaus; "plateau" does so after `patience`
    epochs without a lower error. For Fig 4 it keeps the epochs 1, 2, 5, 10, 20, 30, 40, 64.
    """

    epochs: int = documented(70, "Passes over the training images.")
    batch_size: int = documented(128, "Images per step.")
    lr: float = documented(1e-2, "Learning rate.")
    momentum: float = documented(0.9, "Of stochastic gradient descent.")
    weight_decay: float = documented(0.0, "L2 penalty on the weights.")
    schedule: Literal["plateau", "cosine"] = documented(
        "plateau", "Lower the rate on a plateau of the validation error, or along a cosine."
    )
    factor: float = documented(0.1, "What a plateau multiplies the rate by.")
    patience: int = documented(3, "Epochs without progress that make a plateau.")
    max_rms: float = documented(0.1, "Filters with a larger RMS are scaled back to it; 0: never.")
    crops: Literal["ten", "random", "centre"] = documented(
        "ten", "One of the paper's ten crops a visit, any position and flip, or the centre."
    )
    seed: int = documented(0, "Of weights, order, crops and dropout.")
    checkpoint_every: int = documented(
        0, "Steps between checkpoints within an epoch; 0: at its end."
    )
    keep_epochs: tuple[int, ...] = documented(
        (), "Keep the network after these epochs, for `zfnet evolution`: 1,2,5,10."
    )

    shards: int = documented(
        0,
        "Parts of a batch whose gradients are added in a fixed tree, so that any number of "
        "processes up to it gives the same bits (default: 8 under mpiexec or srun, else 0: whole "
        "batches).",
    )
    sync_batch_norm: bool = documented(
        False,
        "Batch normalisation with the statistics of the whole batch, and not of each shard.",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "keep_epochs", tuple(self.keep_epochs))  # JSON has lists
        if self.schedule not in ("plateau", "cosine"):
            raise ValueError(f"schedule must be plateau or cosine, got {self.schedule!r}")
        if not 0 < self.factor <= 1:
            raise ValueError(f"factor must be above 0 and at most 1, got {self.factor}")
        for name, least in (("epochs", 0), ("batch_size", 1), ("patience", 1), ("max_rms", 0),
                            ("seed", 0), ("checkpoint_every", 0), ("shards", 0)):  # fmt: skip
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name in ("lr", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}={getattr(self, name)} must be finite and not negative")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum={self.momentum} must be at least 0 and below 1")
        if self.shards > self.batch_size:
            raise ValueError(
                f"shards are parts of a batch: batch_size = {self.batch_size} images cannot be cut "
                f"into {self.shards}"
            )
        if min(self.keep_epochs, default=1) < 1:
            raise ValueError(f"keep_epochs counts from 1, got {self.keep_epochs}")

    def make_schedule(self) -> optim.Schedule:
        if self.schedule == "cosine":
            return optim.Cosine(self.lr, self.epochs)
        return optim.Plateau(self.lr, self.factor, self.patience)

"""Update of a network's weights: a step of SGD at the schedule's rate, then filters scaled back.

The paper's training has all three (section 3): stochastic gradient descent with momentum, a
learning rate that falls, and filters whose root mean square is brought back to 0.1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from minidl import device, init, nn, optim
from zfnet.checkpoint import velocities
from zfnet.recipe import Recipe


class Update:
    """The optimiser and the schedule of the learning rate of one training.

    ValueError for a rate, momentum or weight decay outside of its range.
    """

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        self.model, self.max_rms = model, recipe.max_rms
        parameters = dict(model.named_parameters())
        self.optimizer = optim.SGD(parameters, recipe.lr, recipe.momentum, recipe.weight_decay)
        self.schedule = recipe.make_schedule()
        # Scales nothing. It loads the kernel on a device, so that loading cannot fail between a
        # step's update and its end; the update loads its own kernel before the first weight.
        self._renormalise(math.inf)

    def rate(self, epoch: int, position: int, steps: int) -> float:
        """The learning rate of the batch at `position` among the `steps` of an epoch."""
        within = position / steps if isinstance(self.schedule, optim.Cosine) else 0
        return self.schedule(epoch + within, None)

    def step(self) -> None:
        """Change the weights by their gradients, at the optimiser's learning rate."""
        self.optimizer.step()
        self._renormalise(self.max_rms)

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore a checkpoint's velocities; ValueError, and no change, unless all fit."""
        own = self.optimizer.velocity
        for name, velocity in velocities(arrays, own).items():
            own[name][...] = device.like(velocity, own[name])

    def _renormalise(self, max_rms: float) -> None:
        if self.max_rms:
            for _, layer in self.model.named_children():
                if isinstance(layer, nn.Conv2d):
                    layer.weight.change(lambda array: init.renormalise_filters(array, max_rms))

"""Three-dimensional max-pooling."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool3d(2)

    def forward(self, x):
        return self.pool(x)


class Right(Model):
    def forward(self, x):
        for axis in (2, 3, 4):
            x = x.unfold(axis, 2, 2).amax(-1)
        return x


class Wrong(Model):
    """The last axis is sampled, not pooled."""

    def forward(self, x):
        for axis in (2, 3):
            x = x.unfold(axis, 2, 2).amax(-1)
        return x[..., ::2]


def get_inputs():
    return [torch.randn(2, 3, 6, 5, 4)]


def get_init_inputs():
    return []

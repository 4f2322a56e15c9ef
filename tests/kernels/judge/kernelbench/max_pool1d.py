"""One-dimensional max-pooling with padding."""

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool1d(3, stride=2, padding=1)

    def forward(self, x):
        return self.pool(x)


class Right(Model):
    def forward(self, x):
        x = F.pad(x, (1, 1), value=float("-inf"))
        return x.unfold(2, 3, 2).amax(-1)


class Wrong(Model):
    """Padding counts as zeros."""

    def forward(self, x):
        x = F.pad(x, (1, 1))
        return x.unfold(2, 3, 2).amax(-1)


def get_inputs():
    return [torch.randn(2, 3, 20)]


def get_init_inputs():
    return []

"""One-dimensional convolution with dilation, then ReLU."""

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self, C, K):
        super().__init__()
        self.conv = nn.Conv1d(C, K, 3, padding=2, dilation=2)

    def forward(self, x):
        return torch.relu(self.conv(x))


class Right(Model):
    def forward(self, x):
        w, b, L = self.conv.weight, self.conv.bias, x.shape[-1]
        x = F.pad(x, (2, 2))
        taps = [w[:, :, r] @ x[:, :, 2 * r : 2 * r + L] for r in range(3)]
        return (sum(taps) + b[:, None]).clamp(min=0)


class Wrong(Model):
    """The filter is flipped: a convolution of mathematics, not of networks."""

    def forward(self, x):
        w, b, L = self.conv.weight, self.conv.bias, x.shape[-1]
        x = F.pad(x, (2, 2))
        taps = [w[:, :, 2 - r] @ x[:, :, 2 * r : 2 * r + L] for r in range(3)]
        return (sum(taps) + b[:, None]).clamp(min=0)


def get_inputs():
    return [torch.randn(2, 4, 33)]


def get_init_inputs():
    return [4, 6]

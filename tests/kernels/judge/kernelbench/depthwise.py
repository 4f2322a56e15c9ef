"""Depthwise convolution, stride 2."""

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self, C):
        super().__init__()
        self.conv = nn.Conv2d(C, C, 3, stride=2, padding=1, groups=C)

    def forward(self, x):
        return self.conv(x)


class Right(Model):
    def forward(self, x):
        w, x = self.conv.weight, F.pad(x, (1, 1, 1, 1))
        P, Q = (x.shape[2] - 3) // 2 + 1, (x.shape[3] - 3) // 2 + 1
        y = self.conv.bias[:, None, None]
        for r in range(3):
            for s in range(3):
                y = (
                    y
                    + w[:, 0, r, s, None, None]
                    * x[:, :, r : r + 2 * P - 1 : 2, s : s + 2 * Q - 1 : 2]
                )
        return y


class Wrong(Model):
    """Each channel has the filter of its neighbour."""

    def forward(self, x):
        w = self.conv.weight.roll(1, 0)
        return F.conv2d(x, w, self.conv.bias, stride=2, padding=1, groups=x.shape[1])


def get_inputs():
    return [torch.randn(2, 6, 13, 12)]


def get_init_inputs():
    return [6]

"""Grouped convolution, then a leaky ReLU."""

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self, C, K):
        super().__init__()
        self.conv = nn.Conv2d(C, K, 3, padding=1, groups=2)
        self.act = nn.LeakyReLU(0.1)

    def forward(self, x):
        return self.act(self.conv(x))


class Right(Model):
    def forward(self, x):
        w, b = self.conv.weight.chunk(2), self.conv.bias.chunk(2)
        parts = [
            F.conv2d(p, *f, padding=1)
            for p, f in zip(x.chunk(2, 1), zip(w, b, strict=True), strict=True)
        ]
        y = torch.cat(parts, 1)
        return torch.where(y > 0, y, 0.1 * y)


class Wrong(Model):
    """The groups read the channels of each other."""

    def forward(self, x):
        w, b = self.conv.weight.chunk(2), self.conv.bias.chunk(2)
        parts = [
            F.conv2d(p, *f, padding=1)
            for p, f in zip(x.chunk(2, 1)[::-1], zip(w, b, strict=True), strict=True)
        ]
        y = torch.cat(parts, 1)
        return torch.where(y > 0, y, 0.1 * y)


def get_inputs():
    return [torch.randn(2, 4, 9, 9)]


def get_init_inputs():
    return [4, 6]

"""Convolution with a window of 5 x 3."""

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self, C, K):
        super().__init__()
        self.conv = nn.Conv2d(C, K, (5, 3), padding=(2, 1))

    def forward(self, x):
        return self.conv(x)


class Right(Model):
    def forward(self, x):
        N, _, H, W = x.shape
        columns = F.unfold(x, (5, 3), padding=(2, 1))
        y = self.conv.weight.flatten(1) @ columns
        return y.view(N, -1, H, W) + self.conv.bias[:, None, None]


class Wrong(Model):
    """Rows and columns of the window are exchanged."""

    def forward(self, x):
        w = self.conv.weight.reshape((*self.conv.weight.shape[:2], 3, 5)).transpose(2, 3)
        return F.conv2d(x, w, self.conv.bias, padding=(2, 1))


def get_inputs():
    return [torch.randn(2, 3, 14, 11)]


def get_init_inputs():
    return [3, 4]

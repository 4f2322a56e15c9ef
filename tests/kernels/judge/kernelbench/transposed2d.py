"""Transposed convolution with output padding."""

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self, K, C):
        super().__init__()
        self.up = nn.ConvTranspose2d(K, C, 3, stride=2, padding=1, output_padding=1)

    def forward(self, x):
        return self.up(x)


class Right(Model):
    def forward(self, x):
        N, _, P, Q = x.shape
        wide = x.new_zeros(N, x.shape[1], 2 * P - 1, 2 * Q - 1)
        wide[:, :, ::2, ::2] = x
        flipped = self.up.weight.flip(2, 3).transpose(0, 1)
        return F.conv2d(F.pad(wide, (1, 2, 1, 2)), flipped, self.up.bias)


class Wrong(Model):
    """The filter is not flipped."""

    def forward(self, x):
        N, _, P, Q = x.shape
        wide = x.new_zeros(N, x.shape[1], 2 * P - 1, 2 * Q - 1)
        wide[:, :, ::2, ::2] = x
        flipped = self.up.weight.transpose(0, 1)
        return F.conv2d(F.pad(wide, (1, 2, 1, 2)), flipped, self.up.bias)


def get_inputs():
    return [torch.randn(2, 5, 6, 7)]


def get_init_inputs():
    return [5, 3]

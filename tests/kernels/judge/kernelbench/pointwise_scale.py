"""1 x 1 convolution, a scale and a shift."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, C, K):
        super().__init__()
        self.conv = nn.Conv2d(C, K, 1)

    def forward(self, x):
        return self.conv(x) * 2.0 - 0.5


class Right(Model):
    def forward(self, x):
        w, b = 2 * self.conv.weight[:, :, 0, 0], 2 * self.conv.bias - 0.5
        return torch.einsum("kc,nchw->nkhw", w, x) + b[:, None, None]


class Wrong(Model):
    """The bias is not scaled."""

    def forward(self, x):
        w, b = 2 * self.conv.weight[:, :, 0, 0], self.conv.bias - 0.5
        return torch.einsum("kc,nchw->nkhw", w, x) + b[:, None, None]


def get_inputs():
    return [torch.randn(2, 16, 7, 7)]


def get_init_inputs():
    return [16, 12]

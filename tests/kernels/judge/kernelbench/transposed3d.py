"""Three-dimensional transposed convolution."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, K, C):
        super().__init__()
        self.up = nn.ConvTranspose3d(K, C, 2, stride=2)

    def forward(self, x):
        return self.up(x)


class Right(Model):
    def forward(self, x):
        N, _, D, H, W = x.shape
        y = torch.einsum("kcrst,nkdhw->ncdrhswt", self.up.weight, x)
        y = y.reshape(N, -1, 2 * D, 2 * H, 2 * W)
        return y + self.up.bias[:, None, None, None]


class Wrong(Model):
    """Two axes of the window are exchanged."""

    def forward(self, x):
        N, _, D, H, W = x.shape
        y = torch.einsum("kcrst,nkdhw->ncdshrwt", self.up.weight, x)
        y = y.reshape(N, -1, 2 * D, 2 * H, 2 * W)
        return y + self.up.bias[:, None, None, None]


def get_inputs():
    return [torch.randn(2, 3, 3, 4, 3)]


def get_init_inputs():
    return [3, 2]

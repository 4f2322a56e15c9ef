"""One-dimensional transposed convolution."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, K, C):
        super().__init__()
        self.up = nn.ConvTranspose1d(K, C, 4, stride=2, padding=1)

    def forward(self, x):
        return self.up(x)


class Right(Model):
    def forward(self, x):
        columns = torch.einsum("kcr,nkp->ncrp", self.up.weight, x)
        y = x.new_zeros(x.shape[0], columns.shape[1], 2 * (x.shape[2] - 1) + 4)
        for r in range(4):
            y[:, :, r : r + 2 * x.shape[2] - 1 : 2] += columns[:, :, r]
        return y[:, :, 1:-1] + self.up.bias[:, None]


class Wrong(Model):
    """Overlapping windows overwrite each other."""

    def forward(self, x):
        columns = torch.einsum("kcr,nkp->ncrp", self.up.weight, x)
        y = x.new_zeros(x.shape[0], columns.shape[1], 2 * (x.shape[2] - 1) + 4)
        for r in range(4):
            y[:, :, r : r + 2 * x.shape[2] - 1 : 2] = columns[:, :, r]
        return y[:, :, 1:-1] + self.up.bias[:, None]


def get_inputs():
    return [torch.randn(2, 4, 9)]


def get_init_inputs():
    return [4, 3]

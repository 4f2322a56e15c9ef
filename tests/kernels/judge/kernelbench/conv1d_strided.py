"""One-dimensional convolution with a stride."""

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self, C, K):
        super().__init__()
        self.conv = nn.Conv1d(C, K, 5, stride=3)

    def forward(self, x):
        return self.conv(x)


class Right(Model):
    def forward(self, x):
        windows = x.unfold(2, 5, 3)  # (N,C,P,R)
        y = torch.einsum("kcr,ncpr->nkp", self.conv.weight, windows)
        return y + self.conv.bias[:, None]


class Wrong(Model):
    """The stride begins at the second position."""

    def forward(self, x):
        y = F.conv1d(x, self.conv.weight, self.conv.bias)
        return y[:, :, 1::3]


def get_inputs():
    return [torch.randn(3, 3, 40)]


def get_init_inputs():
    return [3, 5]

"""Three-dimensional convolution, then ReLU."""

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self, C, K):
        super().__init__()
        self.conv = nn.Conv3d(C, K, 3, padding=1)

    def forward(self, x):
        return torch.relu(self.conv(x))


class Right(Model):
    def forward(self, x):
        w, y = self.conv.weight, 0
        padded, (D, H, W) = F.pad(x, (1,) * 6), x.shape[2:]
        for r in range(3):
            part = padded[:, :, r : r + D].transpose(1, 2).flatten(0, 1)
            y = y + F.conv2d(part, w[:, :, r])
        y = y.view(x.shape[0], D, -1, H, W).transpose(1, 2)
        return (y + self.conv.bias[:, None, None, None]).clamp(min=0)


class Wrong(Model):
    """The border is repeated instead of zero."""

    def forward(self, x):
        w, y = self.conv.weight, 0
        padded, (D, H, W) = F.pad(x, (1,) * 6, mode="replicate"), x.shape[2:]
        for r in range(3):
            part = padded[:, :, r : r + D].transpose(1, 2).flatten(0, 1)
            y = y + F.conv2d(part, w[:, :, r])
        y = y.view(x.shape[0], D, -1, H, W).transpose(1, 2)
        return (y + self.conv.bias[:, None, None, None]).clamp(min=0)


def get_inputs():
    return [torch.randn(2, 2, 5, 6, 7)]


def get_init_inputs():
    return [2, 4]

"""Convolution, ReLU and max-pooling in one."""

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self, C, K):
        super().__init__()
        self.conv = nn.Conv2d(C, K, 3)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        return self.pool(torch.relu(self.conv(x)))


class Right(Model):
    def forward(self, x):
        y = F.conv2d(x, self.conv.weight)
        y = F.max_pool2d(y, 2) + self.conv.bias[:, None, None]
        return y.clamp(min=0)


class Wrong(Model):
    """The mean in place of the largest value."""

    def forward(self, x):
        y = F.avg_pool2d(F.conv2d(x, self.conv.weight, self.conv.bias), 2)
        return y.clamp(min=0)


def get_inputs():
    return [torch.randn(2, 3, 17, 15)]


def get_init_inputs():
    return [3, 8]

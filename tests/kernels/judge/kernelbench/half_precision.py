"""Convolution of many channels."""

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self, C, K):
        super().__init__()
        self.conv = nn.Conv2d(C, K, 3, padding=1, bias=False)

    def forward(self, x):
        return self.conv(x)


class Right(Model):
    def forward(self, x):
        N, _, H, W = x.shape
        columns = F.unfold(x, 3, padding=1)
        return (self.conv.weight.flatten(1) @ columns).view(N, -1, H, W)


class Wrong(Model):
    """The operands are rounded to bfloat16."""

    def forward(self, x):
        return F.conv2d(x.bfloat16().float(), self.conv.weight.bfloat16().float(), padding=1)


def get_inputs():
    return [torch.randn(2, 96, 8, 8)]


def get_init_inputs():
    return [96, 8]

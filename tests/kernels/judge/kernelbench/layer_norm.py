"""Layer normalisation over channels of tokens."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, C):
        super().__init__()
        self.norm = nn.LayerNorm(C)

    def forward(self, x):
        return self.norm(x)


class Right(Model):
    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        var = ((x - mean) ** 2).mean(-1, keepdim=True)
        return (x - mean) / torch.sqrt(var + self.norm.eps) * self.norm.weight + self.norm.bias


class Wrong(Model):
    """A constant is added to the deviation instead of the variance."""

    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        std = ((x - mean) ** 2).mean(-1, keepdim=True).sqrt()
        return (x - mean) / (std + 0.05) * self.norm.weight + self.norm.bias


def get_inputs():
    return [torch.randn(2, 7, 24)]


def get_init_inputs():
    return [24]

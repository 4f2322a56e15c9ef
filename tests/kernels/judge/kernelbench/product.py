"""Product of two matrices."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, a, b):
        return torch.matmul(a, b)


class Right(Model):
    def forward(self, a, b):
        return (a[:, :, None] * b[None]).sum(1)


class Wrong(Model):
    """The last term is left out."""

    def forward(self, a, b):
        return a[:, :-1] @ b[:-1]


def get_inputs():
    return [torch.randn(12, 40), torch.randn(40, 9)]


def get_init_inputs():
    return []

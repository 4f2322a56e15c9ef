"""Mean under a window, padding not counted."""

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

    def forward(self, x):
        return self.pool(x)


class Right(Model):
    def forward(self, x):
        ones = torch.ones_like(x)
        return F.avg_pool2d(x, 3, 2, 1) / F.avg_pool2d(ones, 3, 2, 1)


class Wrong(Model):
    """Padding is counted."""

    def forward(self, x):
        return F.avg_pool2d(x, 3, 2, 1)


def get_inputs():
    return [torch.randn(2, 3, 9, 8)]


def get_init_inputs():
    return []

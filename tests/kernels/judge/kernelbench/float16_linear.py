"""Linear layer with operands and results in float16."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, C, K):
        super().__init__()
        self.linear = nn.Linear(C, K).half()

    def forward(self, x):
        return self.linear(x)


class Right(Model):
    def forward(self, x):
        w, b = self.linear.weight.float(), self.linear.bias.float()
        return (x.float() @ w.T + b).half()


class Wrong(Model):
    """Sums are accumulated in float16."""

    def forward(self, x):
        w, b = self.linear.weight, self.linear.bias
        y = b.expand(x.shape[0], -1)
        for c in range(x.shape[1]):
            y = y + x[:, c, None] * w[:, c]
        return y


def get_inputs():
    return [torch.randn(2, 192).half()]


def get_init_inputs():
    return [192, 24]

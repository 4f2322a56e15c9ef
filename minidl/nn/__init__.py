"""Modules and layers, named as in PyTorch."""

from minidl.nn.layers import (
    AvgPool2d,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Flatten,
    Linear,
    LocalContrastNorm,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
)
from minidl.nn.module import Module, Parameter, Sequential

__all__ = [
    "AvgPool2d",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Flatten",
    "Linear",
    "LocalContrastNorm",
    "LocalResponseNorm",
    "MaxPool2d",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
]

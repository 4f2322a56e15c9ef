"""Modules and layers, named as in PyTorch."""

from minidl.nn.graph import INPUT, Graph, Sequential
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
from minidl.nn.module import Module, Parameter

__all__ = [
    "INPUT",
    "AvgPool2d",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Flatten",
    "Graph",
    "Linear",
    "LocalContrastNorm",
    "LocalResponseNorm",
    "MaxPool2d",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
]

"""Modules and layers, named as in PyTorch."""

from minidl.nn.elementwise import (
    Affine,
    Clip,
    Identity,
    LeakyReLU,
    Pixels,
    PReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from minidl.nn.graph import INPUT, Graph, Sequential
from minidl.nn.joins import (
    Add,
    Concatenate,
    GlobalAvgPool2d,
    GlobalMaxPool2d,
)
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
from minidl.nn.moves import Reshape, Transpose

__all__ = [
    "INPUT",
    "Add",
    "Affine",
    "AvgPool2d",
    "Clip",
    "Concatenate",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Flatten",
    "GlobalAvgPool2d",
    "GlobalMaxPool2d",
    "Graph",
    "Identity",
    "LeakyReLU",
    "Linear",
    "LocalContrastNorm",
    "LocalResponseNorm",
    "MaxPool2d",
    "Module",
    "PReLU",
    "Parameter",
    "Pixels",
    "ReLU",
    "Reshape",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "Transpose",
]

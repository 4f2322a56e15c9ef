"""Differentiable functions, named and called as in PyTorch's functional API where it has them.

Each operation has its rule of the table `minidl.rules.gradient` in the same file. The rule maps the
cotangent of the output to cotangents of the inputs. It is written in these functions again, so
derivatives of any order follow.
"""

from minidl.functional.activation import log_softmax, relu, sigmoid, softmax, tanh
from minidl.functional.arithmetic import (
    absolute,
    add,
    clip,
    divide,
    exp,
    log,
    maximum,
    minimum,
    multiply,
    negate,
    power,
    sqrt,
    subtract,
    where,
)
from minidl.functional.convolution import conv2d, conv_transpose2d
from minidl.functional.dropout import dropout, dropout_mask
from minidl.functional.fused import conv_relu_pool
from minidl.functional.linear import linear, matmul
from minidl.functional.loss import cross_entropy
from minidl.functional.normalisation import local_contrast_norm, local_response_norm
from minidl.functional.patches import fill_outside
from minidl.functional.pooling import avg_pool2d, max_pool2d, max_unpool2d
from minidl.functional.reduction import amax, broadcast_to, mean, sum, sum_to
from minidl.functional.shape import (
    concatenate,
    flatten,
    getitem,
    pad2d,
    reshape,
    stack,
    transpose,
)

__all__ = [
    "absolute",
    "add",
    "amax",
    "avg_pool2d",
    "broadcast_to",
    "clip",
    "concatenate",
    "conv2d",
    "conv_relu_pool",
    "conv_transpose2d",
    "cross_entropy",
    "divide",
    "dropout",
    "dropout_mask",
    "exp",
    "fill_outside",
    "flatten",
    "getitem",
    "linear",
    "local_contrast_norm",
    "local_response_norm",
    "log",
    "log_softmax",
    "matmul",
    "max_pool2d",
    "max_unpool2d",
    "maximum",
    "mean",
    "minimum",
    "multiply",
    "negate",
    "pad2d",
    "power",
    "relu",
    "reshape",
    "sigmoid",
    "softmax",
    "sqrt",
    "stack",
    "subtract",
    "sum",
    "sum_to",
    "tanh",
    "transpose",
    "where",
]

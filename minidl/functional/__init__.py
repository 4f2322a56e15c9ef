"""Differentiable functions, named and called as in PyTorch's functional API where it has them.

Each operation has its rule of the table `minidl.rules.gradient` in the same file. The rule maps the
cotangent of the output to cotangents of the inputs. It is written in these functions again, so
derivatives of any order follow.
"""

from minidl.functional.activation import log_softmax, relu, sigmoid, softmax, tanh
from minidl.functional.adaptive import (
    adaptive_avg_pool2d,
    adaptive_max_pool2d,
    conv1d,
)
from minidl.functional.arithmetic import (
    add,
    divide,
    log,
    multiply,
    negate,
    power,
    subtract,
    where,
)
from minidl.functional.attention import einsum, scaled_dot_product_attention
from minidl.functional.batch_norm import batch_norm
from minidl.functional.blocks import (
    depth_to_space,
    pixel_shuffle,
    pixel_unshuffle,
    space_to_depth,
)
from minidl.functional.convolution import conv2d, conv_transpose2d
from minidl.functional.dropout import dropout, dropout_mask
from minidl.functional.elementary import (
    absolute,
    cos,
    erf,
    exp,
    floor,
    reciprocal,
    round,
    sign,
    sin,
    sqrt,
)
from minidl.functional.extremes import clamp, clip, eq, ge, gt, le, lt, maximum, minimum, ne
from minidl.functional.fused import conv_relu_pool
from minidl.functional.interpolation import interpolate
from minidl.functional.labels import (
    embedding,
    one_hot,
)
from minidl.functional.linear import linear, matmul
from minidl.functional.loss import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    l1_loss,
    mse_loss,
    nll_loss,
)
from minidl.functional.moving import (
    cat,
    chunk,
    expand,
    flip,
    gather,
    index_select,
    narrow,
    permute,
    repeat,
    roll,
    split,
    squeeze,
    swapaxes,
    take,
    unbind,
    unsqueeze,
)
from minidl.functional.normalisation import local_contrast_norm, local_response_norm
from minidl.functional.padding import pad
from minidl.functional.patches import fill_outside
from minidl.functional.pooling import avg_pool2d, max_pool2d, max_unpool2d
from minidl.functional.rectifiers import (
    elu,
    gelu,
    hardsigmoid,
    hardswish,
    leaky_relu,
    mish,
    prelu,
    relu6,
    silu,
    softplus,
)
from minidl.functional.reduction import amax, amin, argmax, broadcast_to, mean, sum, sum_to, var
from minidl.functional.resizing import resize
from minidl.functional.shape import (
    concatenate,
    flatten,
    getitem,
    pad2d,
    reshape,
    stack,
    transpose,
)
from minidl.functional.standardised import (
    group_norm,
    instance_norm,
    layer_norm,
    standardise,
)

abs = absolute
"""PyTorch's name."""

__all__ = [
    "abs",
    "absolute",
    "adaptive_avg_pool2d",
    "adaptive_max_pool2d",
    "add",
    "amax",
    "amin",
    "argmax",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "broadcast_to",
    "cat",
    "chunk",
    "clamp",
    "clip",
    "concatenate",
    "conv1d",
    "conv2d",
    "conv_relu_pool",
    "conv_transpose2d",
    "cos",
    "cross_entropy",
    "depth_to_space",
    "divide",
    "dropout",
    "dropout_mask",
    "einsum",
    "elu",
    "embedding",
    "eq",
    "erf",
    "exp",
    "expand",
    "fill_outside",
    "flatten",
    "flip",
    "floor",
    "gather",
    "ge",
    "gelu",
    "getitem",
    "group_norm",
    "gt",
    "hardsigmoid",
    "hardswish",
    "index_select",
    "instance_norm",
    "interpolate",
    "l1_loss",
    "layer_norm",
    "le",
    "leaky_relu",
    "linear",
    "local_contrast_norm",
    "local_response_norm",
    "log",
    "log_softmax",
    "lt",
    "matmul",
    "max_pool2d",
    "max_unpool2d",
    "maximum",
    "mean",
    "minimum",
    "mish",
    "mse_loss",
    "multiply",
    "narrow",
    "ne",
    "negate",
    "nll_loss",
    "one_hot",
    "pad",
    "pad2d",
    "permute",
    "pixel_shuffle",
    "pixel_unshuffle",
    "power",
    "prelu",
    "reciprocal",
    "relu",
    "relu6",
    "repeat",
    "reshape",
    "resize",
    "roll",
    "round",
    "scaled_dot_product_attention",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "softmax",
    "softplus",
    "space_to_depth",
    "split",
    "sqrt",
    "squeeze",
    "stack",
    "standardise",
    "subtract",
    "sum",
    "sum_to",
    "swapaxes",
    "take",
    "tanh",
    "transpose",
    "unbind",
    "unsqueeze",
    "var",
    "where",
]

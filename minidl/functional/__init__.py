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
from minidl.functional.cumulative import cumprod, cumsum, logsumexp, prod
from minidl.functional.distances import cosine_similarity, normalize, pairwise_distance, rms_norm
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
from minidl.functional.logarithms import ceil, expm1, log1p, log2, log10, remainder, rsqrt
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
from minidl.functional.pair_loss import binary_cross_entropy, huber_loss, kl_div, smooth_l1_loss
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
from minidl.functional.saturating import celu, glu, hardtanh, logsigmoid, selu, softsign
from minidl.functional.scattering import scatter, scatter_add
from minidl.functional.sequences import adaptive_avg_pool1d, avg_pool1d, max_pool1d, unfold
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
from minidl.functional.triangles import diag, tril, triu

abs = absolute
"""PyTorch's name."""

__all__ = [
    "abs",
    "absolute",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool2d",
    "add",
    "amax",
    "amin",
    "argmax",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "broadcast_to",
    "cat",
    "ceil",
    "celu",
    "chunk",
    "clamp",
    "clip",
    "concatenate",
    "conv1d",
    "conv2d",
    "conv_relu_pool",
    "conv_transpose2d",
    "cos",
    "cosine_similarity",
    "cross_entropy",
    "cumprod",
    "cumsum",
    "depth_to_space",
    "diag",
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
    "expm1",
    "fill_outside",
    "flatten",
    "flip",
    "floor",
    "gather",
    "ge",
    "gelu",
    "getitem",
    "glu",
    "group_norm",
    "gt",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "huber_loss",
    "index_select",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "le",
    "leaky_relu",
    "linear",
    "local_contrast_norm",
    "local_response_norm",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_softmax",
    "logsigmoid",
    "logsumexp",
    "lt",
    "matmul",
    "max_pool1d",
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
    "normalize",
    "one_hot",
    "pad",
    "pad2d",
    "pairwise_distance",
    "permute",
    "pixel_shuffle",
    "pixel_unshuffle",
    "power",
    "prelu",
    "prod",
    "reciprocal",
    "relu",
    "relu6",
    "remainder",
    "repeat",
    "reshape",
    "resize",
    "rms_norm",
    "roll",
    "round",
    "rsqrt",
    "scaled_dot_product_attention",
    "scatter",
    "scatter_add",
    "selu",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "softsign",
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
    "tril",
    "triu",
    "unbind",
    "unfold",
    "unsqueeze",
    "var",
    "where",
]

"""Stratum "networks": the layers of published networks on one image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kernels.contract.activation_geometry import ActivationGeometry
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.contract.plane_geometry import ConcatenateGeometry
from kernels.contract.stage_geometry import StageGeometry
from kernels.verify.strata.layers import (
    ALIKE,
    CONVOLUTIONS,
    MATRICES,
    POOLS,
    RESPONSES,
    Conv,
    Pool,
    both,
)
from kernels.verify.strata.stages import stages
from kernels.verify.strata.stratum import Stratum

BATCHES = ((12, 197, 197, 64), (12, 197, 64, 197), (192, 49, 49, 32), (24, 49, 32, 49))
"""(B,M,N,K) of attention: ViT-B/16's scores and values, and Swin-T's, first and last blocks."""
SCORES = ((12, 197, 197), (192, 49, 49), (1, 1, 1000), (1, 196, 784))
"""(B,M,N) of softmax: ViT-B/16's and Swin-T's attention, ImageNet's classes."""
NORMALISED = tuple(
    GroupNormGeometry.of((N, L, C), groups, 1e-6)
    for N, L, C, groups in (
        (197, 1, 768, 1), (3136, 1, 96, 1), (49, 1, 768, 1), (1, 3136, 64, 32), (1, 784, 320, 32),
        (1, 784, 64, 64),
    )
)  # fmt: skip
"""Layer normalisation of ViT-B/16, ConvNeXt-T and Swin-T; group and instance normalisation."""
SHAPES = ((1, 64, 112, 112), (1, 2048, 7, 7), (1, 1152, 1, 1), (128, 4096), (197, 3072))
PARAMETERS = ((64, 3, 7, 7), (512, 512, 3, 3), (1000, 2048), (2048,), (96, 1, 7, 7))
JOINED = (
    ((64, 128, 32, 32), 28),
    ((64, 32, 32, 32, 32, 32), 56),
    ((64, 64), 280),
    ((320, 768, 768, 192), 8),
)
"""Channels and H = W of joined arrays: Inception, DenseNet, U-Net, Inception v3."""
POOLED = {
    "alexnet.conv1": (3, 2, 0),
    "alexnet.conv5": (3, 2, 0),
    "zfnet.conv1": (3, 2, 1),
    "zfnet.conv2": (3, 2, 1),
    "resnet50.conv1": (3, 2, 1),
    "vgg16.conv2_2": (2, 2, 0),
    "vgg16.conv5_3": (2, 2, 0),
}
"""Window, stride and padding of the max-pooling after a convolution."""


def convolution(layer: Conv, images: int = 1) -> ConvGeometry:
    (H, W), (R, S), padding = both(layer.size), both(layer.window), both(layer.padding)
    shapes = (images, layer.C, H, W), (layer.K, layer.C // layer.groups, R, S)
    stride, dilation = both(layer.stride), both(layer.dilation)
    return ConvGeometry.of(*shapes, stride, padding, dilation, layer.groups)


def pool(layer: Pool) -> PoolGeometry:
    shape = 1, layer.C, layer.size, layer.size
    ceil = layer.ceil_mode
    return PoolGeometry.of(
        shape, layer.window, layer.stride, layer.padding, ceil_mode=ceil, count_include_pad=False
    )


def _convolutions() -> Sequence[ConvGeometry]:
    return [convolution(layer) for layer in CONVOLUTIONS]


def _pools() -> Sequence[PoolGeometry]:
    return [pool(layer) for layer in POOLS]


def _responses() -> Sequence[LRNGeometry]:
    return [
        LRNGeometry.of((1, C, H, H), alpha=a) for C, H in RESPONSES.values() for a in (1e-4, 1.0)
    ]


def _contrasts() -> Sequence[LCNGeometry]:
    return [LCNGeometry.of(shape, border=border) for border in ("corrected", "zero")
            for shape in ((1, 1, 96, 96), (1, 3, 128, 128), (2, 64, 27, 27))]  # fmt: skip


def _joined() -> Sequence[ConcatenateGeometry]:
    return [ConcatenateGeometry(1, channels, H, H) for channels, H in JOINED]


def _stages() -> Sequence[StageGeometry]:
    """The convolutions that are followed by a ReLU and a max-pooling."""
    by_name = {layer.name: convolution(layer) for layer in (*CONVOLUTIONS, *ALIKE)}
    return list(stages((by_name[name], pooling) for name, pooling in POOLED.items()))


def _activations() -> Sequence[ActivationGeometry]:
    """Each network's own: SiLU of EfficientNet-B0, GELU of ViT-B/16, the gates of MobileNetV3."""
    listed = (
        ("silu", (1, 96, 112, 112)), ("silu", (1, 1152, 7, 7)), ("sigmoid", (1, 1152, 1, 1)),
        ("hardswish", (1, 240, 28, 28)), ("hardsigmoid", (1, 672, 1, 1)), ("gelu", (197, 3072)),
        ("gelu", (1, 384, 56, 56)), ("gelu_tanh", (197, 3072)), ("relu6", (1, 32, 112, 112)),
        ("mish", (1, 64, 104, 104)), ("tanh", (128, 64)), ("exp", (128, 64)), ("erf", (197, 64)),
    )  # fmt: skip
    plain = [ActivationGeometry.of(*one) for one in listed]
    return [*plain, ActivationGeometry.of("leaky_relu", (1, 64, 104, 104), 0.1),
            ActivationGeometry.of("elu", (1, 64, 28, 28), 1.0)]  # fmt: skip


def _listed(values: Sequence[Any]) -> Callable[[], Sequence[Any]]:
    return lambda: values


NETWORKS = Stratum(
    "networks",
    {
        **dict.fromkeys(("conv2d", "conv2d_dgrad", "conv2d_wgrad"), _convolutions),
        **dict.fromkeys(("max_pool2d", "max_unpool2d", "max_unpool2d_vjp"), _pools),
        **dict.fromkeys(("avg_pool2d", "avg_pool2d_vjp"), _pools),
        **dict.fromkeys(("local_response_norm", "local_response_norm_vjp"), _responses),
        **dict.fromkeys(("local_contrast_norm", "local_contrast_norm_vjp"), _contrasts),
        "conv_relu_pool": _stages,
        "matmul": _listed([*MATRICES.values()]),
        "batched_matmul": _listed(BATCHES),
        **dict.fromkeys(("relu", "relu_vjp"), _listed(SHAPES)),
        **dict.fromkeys(("activation", "activation_vjp"), _activations),
        **dict.fromkeys(("softmax", "softmax_vjp"), _listed(SCORES)),
        **dict.fromkeys(("group_norm", "group_norm_vjp"), _listed(NORMALISED)),
        "sgd_step": _listed(PARAMETERS),
        "concatenate": _joined,
        "plane_max": _listed([(1, 512, 7, 7), (2, 2048, 7, 7), (1, 64, 112, 112)]),
    },
)

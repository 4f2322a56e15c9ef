"""Convolution, transposed convolution, and their gradients: three derivatives of a trilinear form.

The form is the sum of all products gy w x. Its derivative by gy is the convolution (fprop), by x
the gradient of the input (dgrad, the transposed convolution), by w the gradient of the weights
(wgrad). So the rule of each is written with the other two, and derivatives of any order follow.
"""

from __future__ import annotations

import kernels
from kernels.contract.geometry import ConvGeometry, Padding, Pair
from minidl.functional import arguments
from minidl.functional.reduction import sum
from minidl.functional.shape import reshape
from minidl.prepared_weights import choose
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Padding | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
    *,
    algorithm: str | None = None,
) -> Tensor:
    """x (N,C,H,W) with weight (K,C/groups,R,S), bias (K,) -> (N,K,P,Q).

    Cross-correlation, as in PyTorch. `padding` is one number, two (rows, columns) or four (top,
    bottom, left, right); negative pads crop. "same" gives a result of x's size, "valid" is 0.

    `algorithm` names a kernel; without it the kernel of the least estimated cost runs (or of the
    least measured time, see `minidl.autotune`). With "exact" only kernels run that sum the products
    of the definition: the error is at most (C/groups R S + 1) eps times the sum of the absolute
    products, in the tensors' own type. Without it windows of 2 to 5 taps per phase may be computed
    by Winograd's algorithm, along both axes ("winograd_tiles") or, for few channels, along rows
    ("winograd_1d"). Their errors are at most

        amplification (C/groups phases + 51) eps    and    amplification (C R S' + 27) eps

    times the sum over channels of the largest |x| of the plane times the sum of |w| over the
    window: for 3x3 at stride 1 amplification 861 on tiles of 4x4, 1605 on 6x6, and 40 along rows
    (`kernels.winograd.toom_cook.amplification`); phases = stride^2, S' is S rounded up to a
    multiple of the stride. This is the worst case; a few 1e-6 of the largest result is usual in
    float32.

    Winograd's algorithm computes larger numbers than the definition, up to 1620 times that sum for
    3x3 and 4096 times in all cases (a kernel's `growth`). Up to a sum of 2e35 (8e34) in float32 and
    1e305 (4e304) in float64 the bound holds; above, a result may be infinite or NaN where the
    definition's is finite, as seen from 8e36 on. And it multiplies each pixel into whole tiles of
    up to 7x7 outputs: there a NaN or an infinity in x becomes NaN, one of the weights in its
    filter's whole plane. "exact" has neither: results are finite while the sum of the absolute
    products is a number of the type (3.4e38, 1.8e308), and what is no number reaches only outputs
    whose window contains it. (Zeros of the padding count as pixels: an infinite weight makes NaN of
    them.) The same holds for the gradients, and for conv_transpose2d.

    Raises ValueError that names both shapes if they do not fit, TypeError for two types.
    """
    check_operands(x, weight, "conv2d", algorithm)
    if isinstance(padding, str):
        padding = arguments.named_padding(padding, weight.shape[2:], dilation, stride, "conv2d")
    g = ConvGeometry.of(x.shape, weight.shape, stride, padding, dilation, groups)
    check_bias(bias, weight.shape[0], "conv2d")
    return _fprop(x, weight, bias, g, algorithm)


def conv_transpose2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Padding = 0,
    output_padding: Pair = 0,
    groups: int = 1,
    dilation: Pair = 1,
    *,
    algorithm: str | None = None,
) -> Tensor:
    """x (N,K,P,Q) with weight (K,C/groups,R,S), bias (C,) -> (N,C,H,W).

    The transpose of conv2d with the same weight and settings; it runs the `conv2d_dgrad` kernels.
    `algorithm` "flipped" is the explicit product with the flipped kernel, "col2im" the scatter.
    Bounds, magnitudes up to which they hold, and NaN: as conv2d says. Raises as conv2d does.
    """
    check_operands(x, weight, "conv_transpose2d", algorithm)
    g = ConvGeometry.of_transposed(
        x.shape, weight.shape, stride, padding, output_padding, dilation, groups
    )
    check_bias(bias, g.C, "conv_transpose2d")
    y = _dgrad(x, weight, g, algorithm)
    return y if bias is None else y + reshape(bias, (1, g.C, 1, 1))


def check_operands(x: object, weight: object, what: str, algorithm: object = None) -> None:
    arguments.tensor(x, what, "x")
    arguments.tensor(weight, what, "weight")
    arguments.algorithm(algorithm, what)


def check_bias(bias: Tensor | None, channels: int, what: str) -> None:
    if bias is None:
        return
    arguments.tensor(bias, what, "bias")
    if bias.shape != (channels,):
        raise ValueError(f"{what}: bias {bias.shape} must have the shape ({channels},)")


def _fprop(
    x: Tensor, w: Tensor, bias: Tensor | None, g: ConvGeometry, algorithm: str | None
) -> Tensor:
    kernel, kept = choose("conv2d", w, g, algorithm)
    inputs = (x, w) if bias is None else (x, w, bias)
    y = kernel(x._array, w._array, g, bias=None if bias is None else bias._array, **kept)
    return record("conv2d", y, inputs, geometry=g, algorithm=algorithm)


@gradient.rule("conv2d")
def _fprop_rule(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor | None, ...]:
    (x, w, *bias), (g, algorithm) = node.inputs, _settings(node)
    gx = _dgrad(gy, w, g, algorithm) if needs[0] else None
    gw = _wgrad(x, gy, g, algorithm) if needs[1] else None
    return (gx, gw, sum(gy, (0, 2, 3)) if needs[2] else None) if bias else (gx, gw)


def _dgrad(gy: Tensor, w: Tensor, g: ConvGeometry, algorithm: str | None) -> Tensor:
    kernel, kept = choose("conv2d_dgrad", w, g, algorithm)
    gx = kernel(gy._array, w._array, g, **kept)
    return record("conv2d_dgrad", gx, (gy, w), geometry=g, algorithm=algorithm)


@gradient.rule("conv2d_dgrad")
def _dgrad_rule(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor | None, ...]:
    (y, w), (g, algorithm) = node.inputs, _settings(node)
    return (
        _fprop(gy, w, None, g, algorithm) if needs[0] else None,
        _wgrad(gy, y, g, algorithm) if needs[1] else None,
    )


def _wgrad(x: Tensor, gy: Tensor, g: ConvGeometry, algorithm: str | None) -> Tensor:
    kernel = kernels.pick_for("conv2d_wgrad", x._array, g, algorithm)
    return record(
        "conv2d_wgrad", kernel(x._array, gy._array, g), (x, gy), geometry=g, algorithm=algorithm
    )


@gradient.rule("conv2d_wgrad")
def _wgrad_rule(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor | None, ...]:
    (x, y), (g, algorithm) = node.inputs, _settings(node)
    return (
        _dgrad(y, gy, g, algorithm) if needs[0] else None,
        _fprop(x, gy, None, g, algorithm) if needs[1] else None,
    )


def _settings(node: Node) -> tuple[ConvGeometry, str | None]:
    """The geometry, and the algorithm for the derivatives: "exact" if the forward pass had it.

    A kernel's name belongs to one operation, so for the derivatives it is dropped.
    """
    algorithm = node.saved["algorithm"]
    return node.saved["geometry"], algorithm if algorithm == "exact" else None

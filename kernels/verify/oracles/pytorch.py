"""Results of PyTorch in float64, where it is installed and has the operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.contract.activation_geometry import ActivationGeometry
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.norm_geometry import LRNGeometry
from kernels.verify.calls import Call, Results


def answer(call: Call) -> Results | None:
    """PyTorch's results; None where it does not support the call."""
    serve = _SERVED.get(call.operation)
    return None if serve is None else serve(call)


def operations() -> tuple[str, ...]:
    return tuple(_SERVED)


def _tensor(a: np.ndarray, gradient: bool = False) -> Any:
    import torch

    return torch.tensor(a.astype(np.float64), requires_grad=gradient)


def _conv(x: Any, w: Any, g: ConvGeometry) -> Any:
    """fprop of a padded copy, since PyTorch's own pads are equal and do not crop."""
    import torch.nn.functional as F

    top, bottom, left, right = g.padding
    sides = left, right, top, bottom
    padded = F.pad(x, tuple(max(side, 0) for side in sides))
    cropped = F.pad(padded, tuple(min(side, 0) for side in sides))
    return F.conv2d(cropped, w, None, g.stride, 0, g.dilation, g.groups)


def _convolution(call: Call) -> Results | None:
    """All three convolutions; the two gradients by PyTorch's backward pass."""
    import torch

    g = call.g
    if 0 in (*g.x_shape, *g.w_shape):
        return None  # PyTorch refuses some of them
    x = _tensor(call.inputs.get("x", np.zeros(g.x_shape)), True)
    w = _tensor(call.inputs.get("w", np.zeros(g.w_shape)), True)
    y = _conv(x, w, g)
    if call.operation == "conv2d":
        return (y.detach().numpy(),)
    wanted = x if call.operation == "conv2d_dgrad" else w
    (gradient,) = torch.autograd.grad(y, wanted, _tensor(call.inputs["gy"]))
    return (gradient.numpy(),)


def _symmetric(g: PoolGeometry) -> bool:
    top, bottom, left, right = g.padding
    return top == bottom >= 0 and left == right >= 0 and 0 not in g.x_shape


def _max_pool(call: Call) -> Results | None:
    import torch.nn.functional as F

    g = call.g
    if not _symmetric(g):
        return None
    padding = g.padding[0], g.padding[2]
    y, switches = F.max_pool2d_with_indices(
        _tensor(call.inputs["x"]), (g.R, g.S), g.stride, padding, g.dilation, g.ceil_mode
    )
    return y.numpy(), switches.numpy().astype(np.int32)


def _avg_pool(call: Call) -> Results | None:
    import torch
    import torch.nn.functional as F

    g = call.g
    if not _symmetric(g) or g.dilation != (1, 1):
        return None
    x = _tensor(call.inputs.get("x", np.zeros(g.x_shape)), True)
    padding = g.padding[0], g.padding[2]
    y = F.avg_pool2d(x, (g.R, g.S), g.stride, padding, g.ceil_mode, g.count_include_pad)
    if call.operation == "avg_pool2d":
        return (y.detach().numpy(),)
    (gx,) = torch.autograd.grad(y, x, _tensor(call.inputs["gy"]))
    return (gx.numpy(),)


def _response(call: Call) -> Results | None:
    import torch
    import torch.nn.functional as F

    g: LRNGeometry = call.g
    if g.size % 2 == 0 or 0 in g.x_shape:  # an even window is centred otherwise than ONNX's
        return None
    x = _tensor(call.inputs["x"], True)
    y = F.local_response_norm(x, g.size, g.alpha, g.beta, g.k)
    if call.operation == "local_response_norm":
        return (y.detach().numpy(),)
    (gx,) = torch.autograd.grad(y, x, _tensor(call.inputs["gy"]))
    return (gx.numpy(),)


def _relu(call: Call) -> Results:
    return (_tensor(call.inputs["x"]).relu().numpy(),)


def _activation(call: Call) -> Results:
    """Of a tensor, or its gradient by the backward pass."""
    import torch

    x, y = _tensor(call.inputs["x"], True), _activated
    if call.operation == "activation":
        return (y(x, call.g).detach().numpy(),)
    (gx,) = torch.autograd.grad(y(x, call.g), x, _tensor(call.inputs["gy"]))
    return (gx.numpy(),)


def _activated(x: Any, g: ActivationGeometry) -> Any:
    import torch
    import torch.nn.functional as F

    if g.function in ("elu", "leaky_relu"):
        return getattr(F, g.function)(x, g.alpha)
    if g.function == "gelu_tanh":
        return F.gelu(x, approximate="tanh")
    if g.function == "hardsigmoid":  # whose slope has the digits of float32 in float64, too
        return F.relu6(x + 3) / 6
    return getattr(torch if hasattr(torch, g.function) else F, g.function)(x)


def _softmax(call: Call) -> Results:
    return (_tensor(call.inputs["x"]).softmax(-1).numpy(),)


def _group_norm(call: Call) -> Results | None:
    import torch
    import torch.nn.functional as F

    g: GroupNormGeometry = call.g
    if 0 in g.x_shape or g.N * g.terms == 1:
        return None  # PyTorch refuses one value
    x = _tensor(call.inputs["x"].transpose(0, 2, 1), True)  # (N,L,C) -> (N,C,L)
    given = (call.options.get(name) for name in ("weight", "bias"))
    weight, bias = (None if a is None else _tensor(a) for a in given)
    y = F.group_norm(x, g.groups, weight, bias, g.eps)
    if call.operation == "group_norm":
        return (y.detach().numpy().transpose(0, 2, 1),)  # (N,C,L) -> (N,L,C)
    gy = _tensor(call.inputs["gy"].transpose(0, 2, 1))
    (gx,) = torch.autograd.grad(y, x, gy)
    return (gx.numpy().transpose(0, 2, 1),)


def _matmul(call: Call) -> Results:
    a, b = _tensor(call.inputs["a"]), _tensor(call.inputs["b"])
    return ((a @ b).numpy(),)  # (...,M,K) x (...,K,N) -> (...,M,N)


_SERVED: dict[str, Callable[[Call], Results | None]] = {
    "conv2d": _convolution,
    "conv2d_dgrad": _convolution,
    "conv2d_wgrad": _convolution,
    "max_pool2d": _max_pool,
    "avg_pool2d": _avg_pool,
    "avg_pool2d_vjp": _avg_pool,
    "local_response_norm": _response,
    "local_response_norm_vjp": _response,
    "relu": _relu,
    **dict.fromkeys(("activation", "activation_vjp"), _activation),
    "softmax": _softmax,
    **dict.fromkeys(("group_norm", "group_norm_vjp"), _group_norm),
    **dict.fromkeys(("matmul", "batched_matmul"), _matmul),
}

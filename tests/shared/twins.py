"""PyTorch counterparts of our layers, in float64 and with the same weights."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from minidl import nn
from zfnet.model import ConvNet

torch: Any = pytest.importorskip("torch")


class LocalContrastNorm(torch.nn.Module):
    """Jarrett et al., ICCV 2009, with the 2-D window: v = x - blur(mean of x over the maps),
    sigma = sqrt(blur(mean of v^2)), y = v / max(c, sigma, floor), c the mean of sigma.

    Each blur is divided by the blur of ones; where sigma is 0 its derivative is 0.
    """

    def __init__(self, size: int, sigma: float, border: str, floor: float) -> None:
        super().__init__()
        assert border == "corrected"
        squared = (torch.arange(size, dtype=torch.float64) - size // 2) ** 2
        window = torch.exp(-(squared[:, None] + squared[None, :]) / (2 * sigma**2))
        self.window = (window / window.sum())[None, None]  # (R,R) -> (1,1,R,R)
        self.floor = floor

    def blur(self, x: Any) -> Any:
        return self._weighted(x) / self._weighted(torch.ones_like(x))

    def _weighted(self, x: Any) -> Any:
        return torch.nn.functional.conv2d(x, self.window, padding=self.window.shape[-1] // 2)

    def forward(self, x: Any) -> Any:
        v = x - self.blur(x.mean(1, keepdim=True))
        variance = self.blur((v * v).mean(1, keepdim=True))
        positive = variance > 0
        sigma = torch.where(positive, torch.where(positive, variance, 1.0).sqrt(), 0.0)
        c = sigma.mean((2, 3), keepdim=True)
        return v / torch.maximum(sigma, c).clamp(min=self.floor)


def twin(layer: nn.Module) -> Any:
    """The PyTorch module of the same function as `layer`, without dropout."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        return _with_weights(layer)
    if isinstance(layer, nn.MaxPool2d):
        return torch.nn.MaxPool2d(**layer.settings)
    if isinstance(layer, nn.LocalContrastNorm):
        return LocalContrastNorm(**layer.settings)
    if isinstance(layer, nn.LocalResponseNorm):
        return torch.nn.LocalResponseNorm(**layer.settings)
    plain = {nn.ReLU: torch.nn.ReLU, nn.Flatten: torch.nn.Flatten, nn.Dropout: torch.nn.Identity}
    return plain[type(layer)]()


def _with_weights(layer: nn.Conv2d | nn.Linear) -> Any:
    if isinstance(layer, nn.Conv2d):
        K, C, *size = layer.weight.shape
        module = torch.nn.Conv2d(C, K, size, layer.settings["stride"], layer.settings["padding"])
    else:
        K, C = layer.weight.shape
        module = torch.nn.Linear(C, K)
    state = {name: torch.tensor(array.copy()) for name, array in layer.state_dict().items()}
    module.double().load_state_dict(state)
    return module


def network_twin(model: ConvNet) -> Any:
    """The whole network as a torch.nn.Sequential with our names of the layers."""
    layers = OrderedDict((name, twin(layer)) for name, layer in model.children())
    return torch.nn.Sequential(layers).eval()


def majorant(module: Any) -> Any:
    """`module` with every term of its sums made positive, for inputs of absolute values."""
    if isinstance(module, torch.nn.LocalResponseNorm):
        return lambda x: _response_majorant(x, module)
    if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
        module = copy.deepcopy(module)
        for parameter in module.parameters():
            parameter.data = parameter.data.abs()
    return module


def _response_majorant(x: Any, module: Any) -> Any:
    """x / t^beta with t reflected at its own value, so that t falls as x grows: nothing cancels."""
    window = torch.ones(1, 1, module.size, 1, 1, dtype=x.dtype)
    # (N,C,H,W) -> (N,1,C,H,W), summed over `size` neighbours of C
    squares = torch.nn.functional.conv3d((x * x)[:, None], window, padding=(module.size // 2, 0, 0))
    t = module.k + module.alpha / module.size * squares[:, 0]
    return x * (2 * t.detach() - t) ** -module.beta


def double(array: np.ndarray) -> Any:
    """A float64 tensor of PyTorch with the same values, a leaf that requires a gradient."""
    return torch.tensor(array.astype(np.float64), requires_grad=True)

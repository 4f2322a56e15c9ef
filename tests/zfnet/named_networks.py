"""Small networks by name with drawn running statistics, and the same computed by PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from minidl import nn
from tests.zfnet.tiny import COLOURS, SIDE, SIZE
from zfnet.architectures import NamedNet, NamedSettings, build
from zfnet.data import Preprocess
from zfnet.network import Network

SMALL: dict[str, dict[str, Any]] = {
    "resnet18": {"width": 0.1, "blocks": (1, 2)},
    "resnet34": {"width": 0.05},
    "mobilenet_v2": {"width": 0.2, "blocks": (1, 2, 1)},
    "vgg11_bn": {"width": 0.05},
}


def small(name: str = "resnet18", *, seed: int = 0, **options: Any) -> NamedNet:
    """A network of 3 classes of 32x32 pixels whose every array is drawn, no scale being 0."""
    settings = {"num_classes": 3, "image_size": SIZE, **SMALL[name], **options}
    model = build(NamedSettings(name, seed=seed, **settings))  # type: ignore[arg-type]
    rng = np.random.default_rng(seed)
    for _, layer in model.named_children():
        if isinstance(layer, nn.BatchNorm2d):
            for name, low in (("weight", 0.5), ("bias", -0.5), ("running_mean", -1.0),
                              ("running_var", 0.5)):  # fmt: skip
                tensor = getattr(layer, name)
                tensor.assign(rng.uniform(low, low + 1, tensor.shape).astype(tensor.dtype))
    return model


def network(name: str = "resnet18", *, seed: int = 0, **options: Any) -> Network:
    """The same with preprocessing and classes, as `tests/zfnet/tiny.py` has them."""
    mean = np.random.default_rng(9).integers(110, 140, (3, SIDE, SIDE)).astype(np.float32)
    model = small(name, seed=seed, **options).eval()
    return Network(model, Preprocess(SIZE, SIDE, mean), COLOURS, "memory")


def by_pytorch(model: NamedNet, x: torch.Tensor, *, training: bool) -> torch.Tensor:
    """The scores, layer by layer with PyTorch's functions, from the arrays by their names."""
    arrays = {n: torch.tensor(np.array(a)) for n, a in model.state_dict().items()}
    arrays = {n: a.double() if a.is_floating_point() else a for n, a in arrays.items()}
    found = {nn.INPUT: x}
    for name, layer in model.named_children():
        below = [found[source] for source in model.wiring()[name]]
        own = {n.removeprefix(f"{name}."): a for n, a in arrays.items() if n.startswith(f"{name}.")}
        found[name] = _layer(layer, own, below, training)
    return found[model.output]


def _layer(
    layer: nn.Module, own: dict[str, torch.Tensor], below: list[torch.Tensor], training: bool
) -> torch.Tensor:
    x = below[0]
    match type(layer).__name__:
        case "Conv2d":
            s = layer.settings  # type: ignore[attr-defined]
            return F.conv2d(x, own["weight"], None, s["stride"], s["padding"], 1, s["groups"])
        case "BatchNorm2d":
            statistics = own["running_mean"], own["running_var"]
            return F.batch_norm(x, *statistics, own["weight"], own["bias"], training)
        case "MaxPool2d":
            s = layer.settings  # type: ignore[attr-defined]
            return F.max_pool2d(x, s["kernel_size"], s["stride"], s["padding"])
        case "Linear":
            return F.linear(x, own["weight"], own["bias"])
        case "Add":
            return below[0] + below[1]
        case "GlobalAvgPool2d":
            return x.mean((2, 3), keepdim=True)
        case kind:
            return {"ReLU": F.relu, "ReLU6": F.relu6, "Flatten": lambda t: t.flatten(1)}[kind](x)

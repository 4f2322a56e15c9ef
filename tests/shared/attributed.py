"""Small networks for comparisons of attribution, as layers of ours and as modules of PyTorch.

Each is a table of layers, with the inputs of each. The same table makes both networks, in float64
and with the same weights, so that the methods of Captum and of zennit can be held to ours. They
hook modules. A module that is used twice, or that writes over its input, is where they need care:
`as_written` keeps such modules as the table has them, `rewritten` gives every use a module of its
own that writes over nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl import nn
from tests.shared.zennits import torch
from zfnet.data import Preprocess
from zfnet.imported import Imported
from zfnet.network import Network

SIDE, CLASSES = 20, 5
MEAN = (0.5, 0.25, 0.125)
"""Of red, green and blue, exact in float32."""
Wired = tuple[Any, tuple[str, ...]]
"""A layer of PyTorch, or the name of the one that is used again, and the names of its inputs."""


class Add(torch.nn.Module):
    """The sum of two branches, as a module that a hook can find."""

    def forward(self, a: Any, b: Any) -> Any:
        return a + b


class Concatenate(torch.nn.Module):
    """Branches side by side."""

    def forward(self, *branches: Any) -> Any:
        return torch.cat(branches, dim=1)


class Graph(torch.nn.Module):
    """Layers by name in order, each with its inputs; `sums` makes the module of a sum."""

    def __init__(self, layers: Mapping[str, Wired], reused: bool) -> None:
        super().__init__()
        self.wired: list[tuple[str, tuple[str, ...]]] = []
        for name, (layer, sources) in layers.items():
            if isinstance(layer, str):
                own = self.get_submodule(layer)
                layer = own if reused else copy.deepcopy(own)
            self.add_module(name, layer)
            self.wired.append((name, sources))

    def forward(self, x: Any) -> Any:
        values = {nn.INPUT: x}
        for name, sources in self.wired:
            module = self.get_submodule(name)
            given = [values[source] for source in sources]
            if hasattr(module, "dim") and type(module).__name__ == "Sum":  # zennit's
                given = [torch.stack(given, dim=-1)]
            values[name] = module(*given)
        return values[name]


@dataclass(frozen=True, eq=False)
class Pair:
    """One network twice: ours, and the layers of PyTorch's."""

    network: Network
    layers: dict[str, Wired] = field(default_factory=dict)

    def as_written(self) -> Any:
        """With modules used twice, and ReLUs that write over their input, as in the table."""
        return Graph(copy.deepcopy(self.layers), reused=True).double().eval()

    def rewritten(self, add: Any = Add) -> Any:
        """Every use has a module of its own, and none writes over its input."""
        made = copy.deepcopy(self.layers)
        for name, (layer, sources) in made.items():
            if isinstance(layer, Add):
                made[name] = (add(), sources)
            if isinstance(layer, torch.nn.ReLU):
                made[name] = (torch.nn.ReLU(), sources)
        return Graph(made, reused=False).double().eval()


def conv(c: int, k: int, size: int = 3, **options: Any) -> Any:
    return torch.nn.Conv2d(c, k, size, padding=size // 2, **options)


def _chain() -> dict[str, Wired]:
    t = torch.nn
    return _in_line({
        "conv1": conv(3, 8), "relu1": t.ReLU(), "pool1": t.MaxPool2d(2), "conv2": conv(8, 12),
        "relu2": t.ReLU(), "pool2": t.AvgPool2d(2), "flatten": t.Flatten(),
        "fc1": t.Linear(300, 16), "relu3": t.ReLU(), "scores": t.Linear(16, CLASSES),
    })  # fmt: skip


def _branches(inplace: bool = False) -> dict[str, Wired]:
    t = torch.nn
    return {
        "conv1": (conv(3, 8, stride=2), ("input",)), "relu1": (t.ReLU(inplace), ("conv1",)),
        "narrow": (conv(8, 6, 1), ("relu1",)), "wide": (conv(8, 10, 5), ("relu1",)),
        "both": (Concatenate(), ("narrow", "wide")), "relu2": (t.ReLU(inplace), ("both",)),
        "conv2": (conv(16, 8), ("relu2",)), "sum": (Add(), ("conv2", "relu1")),
        "relu3": (t.ReLU(inplace), ("sum",)), "pool": (t.AvgPool2d(10), ("relu3",)),
        "flatten": (t.Flatten(), ("pool",)), "scores": (t.Linear(8, CLASSES), ("flatten",)),
    }  # fmt: skip


def _reused() -> dict[str, Wired]:
    """One ReLU everywhere, and one convolution three times."""
    t = torch.nn
    return {
        "conv1": (conv(3, 8, stride=2), ("input",)), "relu": (t.ReLU(), ("conv1",)),
        "same": (conv(8, 8), ("relu",)), "relu2": ("relu", ("same",)),
        "same2": ("same", ("relu2",)), "relu3": ("relu", ("same2",)),
        "same3": ("same", ("relu3",)), "relu4": ("relu", ("same3",)),
        "pool": (t.AvgPool2d(10), ("relu4",)), "flatten": (t.Flatten(), ("pool",)),
        "scores": (t.Linear(8, CLASSES), ("flatten",)),
    }  # fmt: skip


def _normed() -> dict[str, Wired]:
    """Batch normalisation behind convolutions and behind a fully connected layer."""
    t = torch.nn
    return _in_line({
        "conv1": conv(3, 8, bias=False), "bn1": t.BatchNorm2d(8), "relu1": t.ReLU(),
        "pool1": t.MaxPool2d(2), "conv2": conv(8, 12), "bn2": t.BatchNorm2d(12),
        "relu2": t.ReLU(), "pool2": t.AvgPool2d(2), "flatten": t.Flatten(),
        "fc1": t.Linear(300, 16), "bn3": t.BatchNorm1d(16), "relu3": t.ReLU(),
        "scores": t.Linear(16, CLASSES),
    })  # fmt: skip


TABLES = {
    "chain": _chain, "branches": _branches, "reused": _reused,
    "in place": lambda: _branches(inplace=True), "batch norm": _normed,
}  # fmt: skip


def _in_line(layers: Mapping[str, Any]) -> dict[str, Wired]:
    return {
        name: (layer, (before,))
        for (name, layer), before in zip(layers.items(), ["input", *layers], strict=False)
    }


def pair(name: str) -> Pair:
    """One of TABLES, with drawn weights.

    The epsilon of a batch normalisation is 0, and is in its variance: zennit's canonizer leaves a
    layer that divides by sqrt(1 + epsilon).
    """
    torch.manual_seed(4)
    layers = TABLES[name]()
    for layer, _ in layers.values():
        if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            for values, low, high in (
                (layer.running_mean, -0.3, 0.3), (layer.running_var, 0.5, 2.0),
                (layer.weight.data, 0.5, 1.5), (layer.bias.data, -0.2, 0.4),
            ):  # fmt: skip
                values.uniform_(low, high)
            layer.eps = 0.0
    ours: dict[str, nn.Module] = {}
    for key, (layer, _) in layers.items():
        ours[key] = ours[layer] if isinstance(layer, str) else converted(layer)
    wiring = {key: list(sources) for key, (_, sources) in layers.items()}
    model = Imported(nn.Graph(ours, wiring).eval(), SIDE)
    preprocess = Preprocess.with_one_mean(SIDE, SIDE, MEAN)
    return Pair(Network(model, preprocess, tuple("abcde")), layers)


def converted(layer: Any) -> nn.Module:
    """Our layer of the same function and weights."""
    t, given = torch.nn, {k: v.detach().numpy() for k, v in layer.state_dict().items()}
    made: nn.Module
    if isinstance(layer, t.Conv2d):
        made = nn.Conv2d(
            layer.in_channels, layer.out_channels, layer.kernel_size, stride=layer.stride,
            padding=layer.padding, bias=layer.bias is not None,
        )  # fmt: skip
    elif isinstance(layer, t.Linear):
        made = nn.Linear(layer.in_features, layer.out_features)
    elif isinstance(layer, t.BatchNorm1d | t.BatchNorm2d):
        kind = nn.BatchNorm1d if isinstance(layer, t.BatchNorm1d) else nn.BatchNorm2d
        made = kind(layer.num_features, eps=layer.eps)
    else:
        return _without_weights(layer)
    made.load_state_dict(given)
    return made


def _without_weights(layer: Any) -> nn.Module:
    t = torch.nn
    if isinstance(layer, t.ReLU):
        return nn.ReLU(inplace=layer.inplace)
    if isinstance(layer, t.MaxPool2d):
        return nn.MaxPool2d(layer.kernel_size)
    if isinstance(layer, t.AvgPool2d):
        return nn.AvgPool2d(layer.kernel_size)
    kinds = {t.Flatten: nn.Flatten, Add: nn.Add, Concatenate: nn.Concatenate}
    return kinds[type(layer)]()


def pictures(count: int = 2) -> np.ndarray:
    """(N,3,S,S) in float64, exact in float32."""
    rng = np.random.default_rng(7)
    return rng.uniform(-1, 1, (count, 3, SIDE, SIDE)).astype(np.float32).astype(np.float64)


def units(network: Network, x: np.ndarray) -> Sequence[int]:
    """A class for each image, that of the largest score."""
    return [int(p.argmax()) for p in network.probabilities(x.astype(np.float32))]

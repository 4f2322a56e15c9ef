"""Small networks of today, built from torch.nn with drawn weights, and their ONNX files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
nn = torch.nn
SIDE, CLASSES = 32, 5


class Gated(nn.Module):
    """A block of EfficientNet: depthwise windows, squeeze-and-excitation, SiLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        wide = 2 * width
        self.expand = nn.Sequential(nn.Conv2d(width, wide, 1), nn.BatchNorm2d(wide), nn.SiLU())
        self.depthwise = nn.Sequential(
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide), nn.BatchNorm2d(wide), nn.SiLU()
        )
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(wide, 4, 1), nn.SiLU(), nn.Conv2d(4, wide, 1),
            nn.Sigmoid(),
        )  # fmt: skip
        self.project = nn.Sequential(nn.Conv2d(wide, width, 1), nn.BatchNorm2d(width))

    def forward(self, x: Any) -> Any:
        y = self.depthwise(self.expand(x))
        return x + self.project(y * self.gate(y))


class Permuted(nn.Module):
    """A block of ConvNeXt: windows, then LayerNorm and a perceptron over the channels, last."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.windows = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.inner, self.outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale = nn.Parameter(torch.full((width, 1, 1), 0.5))

    def forward(self, x: Any) -> Any:
        y = self.norm(self.windows(x).permute(0, 2, 3, 1))
        y = self.outer(nn.functional.gelu(self.inner(y)))
        return x + self.scale * y.permute(0, 3, 1, 2)


class Transformer(nn.Module):
    """A vision transformer of 16 patches, a class token, two layers."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, stride=8)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.places = nn.Parameter(torch.randn(1, 17, width))
        layer = nn.TransformerEncoderLayer(
            width, 2, 24, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: Any) -> Any:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(x), -1, -1), tokens], 1) + self.places
        return self.head(self.layers(tokens)[:, 0])


class UNet(nn.Module):
    """Planes of a segmentation: down, up by interpolation, a connection across."""

    def __init__(self, channels: int = 3, width: int = 8) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(width, width, 3, stride=2, padding=1), nn.ReLU())
        self.last = nn.Conv2d(2 * width, 2, 1)

    def forward(self, x: Any) -> Any:
        across = self.first(x)
        deep = nn.functional.interpolate(
            self.deep(across), scale_factor=2, mode="bilinear", align_corners=False
        )
        return self.last(torch.cat([across, deep], 1))


class ChannelsLast(nn.Module):
    """A network that takes grey images (N,H,W,1), as Keras writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.windows = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x: Any) -> Any:
        return self.head(self.windows(x.permute(0, 3, 1, 2)).mean((2, 3)))


def _head(width: int) -> list[Any]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, CLASSES)]


def _stem(width: int) -> list[Any]:
    return [nn.Conv2d(3, width, 3, stride=2, padding=1), nn.BatchNorm2d(width)]


NETWORKS: dict[str, Any] = {
    "gated": lambda: nn.Sequential(*_stem(8), nn.SiLU(), Gated(8), Gated(8), *_head(8)),
    "permuted": lambda: nn.Sequential(*_stem(8), Permuted(8), Permuted(8), *_head(8)),
    "transformer": Transformer,
}
"""Networks with scores, of images (3,32,32)."""


def exported(module: Any, file: Path, shape: tuple[int, ...] = (3, SIDE, SIDE)) -> Path:
    """The module's ONNX file, of a batch of any size; weights are drawn from one seed."""
    batch = {"image": {0: "N"}}
    torch.onnx.export(
        module.eval(), (torch.zeros(1, *shape),), str(file), dynamo=False, input_names=["image"],
        output_names=["output"], dynamic_axes=batch,
    )  # fmt: skip
    return file


def made(name: str, file: Path) -> Path:
    """The file of one of NETWORKS."""
    torch.manual_seed(3)
    return exported(NETWORKS[name](), file)

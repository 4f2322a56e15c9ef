"""Six small networks of today's kinds in PyTorch, and their ONNX files by both of its exporters."""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stdout
from typing import Any

import pytest

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional


class SqueezeExcitation(nn.Module):
    """A gate for each channel, of the means of all (Hu et al. 2018), with SiLU."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, stride=2, padding=1)
        self.down, self.up = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)
        self.norm, self.head = nn.BatchNorm2d(channels), nn.Linear(channels, 5)

    def forward(self, x: Any) -> Any:
        x = F.silu(self.norm(self.stem(x)))
        gate = torch.sigmoid(self.up(F.silu(self.down(F.adaptive_avg_pool2d(x, 1)))))
        return self.head((x * gate).mean((2, 3)))


class InvertedResidual(nn.Module):
    """Expansion, a convolution of each channel, projection; and the input (Howard et al. 2019)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.expand = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 1)
        self.depthwise = nn.Conv2d(16, 16, 5, padding=2, groups=16)
        self.gate, self.project = nn.Conv2d(16, 16, 1), nn.Conv2d(16, 8, 1)

    def forward(self, x: Any) -> Any:
        x = F.hardswish(self.stem(x))
        y = F.hardswish(self.depthwise(F.relu6(self.expand(x))))
        y = y * F.hardsigmoid(self.gate(y.mean((2, 3), keepdim=True)))
        return torch.flatten(F.adaptive_max_pool2d(x + self.project(y), 1), 1)


class ConvNeXtBlock(nn.Module):
    """Large windows of each channel, LayerNorm and linear layers at places (Liu et al. 2022)."""

    def __init__(self, channels: int = 6) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, channels, 4, stride=4), nn.LayerNorm(channels, 1e-6)
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.wide, self.narrow = nn.Linear(channels, 24), nn.Linear(24, channels)
        self.scale = nn.Parameter(torch.rand(channels, 1, 1))

    def forward(self, x: Any) -> Any:
        x = self.stem(x)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.narrow(F.gelu(self.wide(y))).permute(0, 3, 1, 2)
        return (x + self.scale * y).mean((2, 3))


class WindowAttention(nn.Module):
    """Attention in shifted windows of 3x3 places, with biases of places (Liu et al. 2021)."""

    def __init__(self, channels: int = 8, heads: int = 2, side: int = 3, shift: int = 1) -> None:
        super().__init__()
        self.channels, self.heads, self.side, self.shift = channels, heads, side, shift
        self.stem, self.norm = nn.Conv2d(3, channels, 2, stride=2), nn.LayerNorm(channels)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        places = torch.stack(torch.meshgrid(*[torch.arange(side)] * 2, indexing="ij")).flatten(1)
        apart = places[:, :, None] - places[:, None] + side - 1  # (2,P) -> (2,P,P)
        self.register_buffer("index", apart[0] * (2 * side - 1) + apart[1])
        self.bias = nn.Parameter(torch.randn((2 * side - 1) ** 2, heads))

    def forward(self, x: Any) -> Any:
        x = self.norm(self.stem(x).permute(0, 2, 3, 1))
        rows, columns = (-size % self.side for size in x.shape[1:3])
        x = F.pad(x, (0, 0, 0, columns, 0, rows))
        N, H, W, C = x.shape
        x = torch.roll(x, (-self.shift, -self.shift), (1, 2))
        y = self.windows(x, H, W)
        y = self.attention(y, H, W)
        parts = y.view(N, H // self.side, W // self.side, self.side, self.side, C)
        y = parts.permute(0, 1, 3, 2, 4, 5).reshape(N, H, W, C)
        return torch.roll(y, (self.shift, self.shift), (1, 2)).permute(0, 3, 1, 2).mean((2, 3))

    def windows(self, x: Any, H: int, W: int) -> Any:
        """(N,H,W,C) -> (N windows, places, C)."""
        N, C, side = x.shape[0], x.shape[3], self.side
        parts = x.view(N, H // side, side, W // side, side, C).permute(0, 1, 3, 2, 4, 5)
        return parts.reshape(N * (H // side) * (W // side), side * side, C)

    def attention(self, x: Any, H: int, W: int) -> Any:
        B, L, C = x.shape
        q, k, v = self.qkv(x).reshape(B, L, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q * (C // self.heads) ** -0.5) @ k.transpose(-2, -1)
        scores = scores + self.bias[self.index.view(-1)].view(L, L, -1).permute(2, 0, 1)
        mask = self.mask(x, H, W)
        count = mask.shape[0]
        scores = scores.view(B // count, count, self.heads, L, L) + mask[:, None]
        scores = F.softmax(scores.view(-1, self.heads, L, L), dim=-1)
        return self.out((scores @ v).transpose(1, 2).reshape(B, L, C))

    def mask(self, x: Any, H: int, W: int) -> Any:
        """-100 between places that the shift brought together: (windows, places, places)."""
        part, plane = 0, x.new_zeros((H, W))
        cuts = ((0, -self.side), (-self.side, -self.shift), (-self.shift, None))
        for top, bottom in cuts:
            for left, right in cuts:
                plane[top:bottom, left:right] = part
                part += 1
        parts = self.windows(plane[None, :, :, None], H, W).squeeze(-1)
        other = parts[:, None] - parts[:, :, None]
        return other.masked_fill(other != 0, -100.0).masked_fill(other == 0, 0.0)


class VisionTransformer(nn.Module):
    """Patches, a class token, places, and attention over all (Dosovitskiy et al. 2021)."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, channels, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, channels))
        self.places = nn.Parameter(torch.randn(1, 17, channels))
        self.before, self.behind = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(channels, 16), nn.GELU(), nn.Linear(16, channels))

    def forward(self, x: Any) -> Any:
        n = x.shape[0]
        x = self.patches(x).reshape(n, -1, 16).permute(0, 2, 1)
        x = torch.cat([self.token.expand(n, -1, -1), x], dim=1) + self.places
        y = self.before(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return (x + self.mlp(self.behind(x)))[:, 0]


class UNet(nn.Module):
    """Two resolutions, joined after Resize and a transposed convolution (Ronneberger 2015)."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.norm, self.up = nn.GroupNorm(4, 8), nn.ConvTranspose2d(8, 6, 2, stride=2)
        self.mixed, self.out = nn.Conv2d(20, 6, 3, padding=1), nn.Conv2d(6, 2, 1)

    def forward(self, x: Any) -> Any:
        fine = F.leaky_relu(self.fine(x))
        coarse = F.mish(self.norm(self.coarse(F.avg_pool2d(fine, 2))))
        wide = F.interpolate(coarse, size=x.shape[2:], mode="bilinear", align_corners=False)
        y = F.elu(self.mixed(torch.cat([fine, wide, self.up(coarse)], dim=1)))
        return F.interpolate(self.out(y), scale_factor=2, mode="nearest")


NETWORKS = {
    each.__name__: each
    for each in (
        SqueezeExcitation, InvertedResidual, ConvNeXtBlock, WindowAttention, VisionTransformer,
        UNet,
    )
}  # fmt: skip
SIDE = 16


def network(name: str) -> Any:
    """The network with drawn weights and statistics, in inference."""
    torch.manual_seed(0)
    made = NETWORKS[name]().eval()
    for layer in made.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return made


def exported(made: Any, batch: int | None, dynamo: bool, opset: int) -> bytes:
    """The network as an ONNX file; batch: None is any."""
    written = io.BytesIO()
    image = torch.zeros(batch or 2, 3, SIDE, SIDE)
    settings: dict[str, Any] = {"input_names": ["image"], "output_names": ["scores"]}
    if batch is None and dynamo:
        settings["dynamic_shapes"] = {"x": {0: torch.export.Dim("n", min=1, max=64)}}
    elif batch is None:
        settings["dynamic_axes"] = {"image": {0: "n"}}
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(made, (image,), written, dynamo=dynamo, opset_version=opset, **settings)
    return written.getvalue()

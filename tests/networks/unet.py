"""U-Net with four resolutions (Ronneberger 2015), enlarged by Resize and transposed convolutions.

A module of its own beside torchvision's networks: torch is imported where a network is made.
"""

from __future__ import annotations

from typing import Any

WIDTHS = (16, 32, 64, 128)


def unet(classes: int = 21) -> Any:
    """Of torch.nn alone; every second step up is a Resize and a convolution."""
    import torch
    from torch import nn

    def block(channels: int, filters: int) -> Any:
        first = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
        second = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        return nn.Sequential(
            first, nn.BatchNorm2d(filters), nn.ReLU(), second, nn.BatchNorm2d(filters), nn.ReLU()
        )

    def enlarged(at: int) -> Any:
        wide, narrow = WIDTHS[at + 1], WIDTHS[at]
        if at % 2:
            return nn.ConvTranspose2d(wide, narrow, 2, stride=2)
        larger = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        return nn.Sequential(larger, nn.Conv2d(wide, narrow, 1))

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            pairs = zip((3, *WIDTHS), WIDTHS, strict=False)
            self.down = nn.ModuleList(block(*each) for each in pairs)
            self.up = nn.ModuleList(map(enlarged, range(len(WIDTHS) - 1)))
            self.joined = nn.ModuleList(block(2 * width, width) for width in WIDTHS[:-1])
            self.pool, self.out = nn.MaxPool2d(2), nn.Conv2d(WIDTHS[0], classes, 1)

        def forward(self, x: Any) -> Any:
            kept = [self.down[0](x)]
            for step in list(self.down)[1:]:
                kept.append(step(self.pool(kept[-1])))
            y = kept.pop()
            for at in reversed(range(len(self.up))):
                y = self.joined[at](torch.cat([kept[at], self.up[at](y)], dim=1))
            return self.out(y)

    return UNet()

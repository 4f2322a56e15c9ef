"""The network in the box: a small ZFNet that knows 100 classes; CARD.md says all about it."""

from __future__ import annotations

from pathlib import Path

from zfnet import network as networks
from zfnet.network import Network

FILE = Path(__file__).parent / "tiny-imagenet.safetensors"


def load() -> Network:
    """The pretrained network: 3x64x64 inputs, 100 classes of Tiny ImageNet."""
    return networks.load(FILE)

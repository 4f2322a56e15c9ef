"""The pretrained network: a small ZFNet for 100 classes, described in CARD.md."""

from __future__ import annotations

import json
from pathlib import Path

from zfnet import network as networks
from zfnet.network import Network

HERE = Path(__file__).parent
FILE, LOG, CURVE = (HERE / name for name in ("tiny-imagenet.safetensors", "log.jsonl", "curve.svg"))
NAME = "tiny-imagenet-100"


def load() -> Network:
    """The pretrained network: inputs (N,3,64,64), 100 classes of Tiny ImageNet."""
    return networks.load(FILE)


def history() -> list[dict[str, float]]:
    """Its training, a record an epoch, as `zfnet train` logged it."""
    return [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()]

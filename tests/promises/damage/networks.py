"""Damaged networks and checkpoints: safetensors files, their headers and descriptions in JSON."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from kernels.storage import checksum
from minidl import nn
from tests.promises.damage import binary
from tests.promises.damage.extremes import Raw, anything
from tests.zfnet.tiny import network, trainer
from zfnet.checkpoint import CHECKPOINT
from zfnet.data import Preprocess
from zfnet.imported import Imported
from zfnet.network import Network

Tree = Any
"""What `json.loads` returns."""


def saved(draw: random.Random) -> tuple[str, bytes]:
    """(name, content) of a damaged network."""
    return ".safetensors", _damaged(draw, draw.choice(whole_networks()), "network")


def checkpoint(draw: random.Random) -> tuple[str, bytes]:
    """The same of a checkpoint, of its state as well as of its network."""
    inner = draw.choice(["network", "training", "training"])
    return CHECKPOINT, _damaged(draw, whole_checkpoint(), inner)


@cache
def whole_networks() -> tuple[bytes, ...]:
    """A network that we trained and one that was imported."""
    rng = np.random.default_rng(0)
    graph = nn.Graph(
        {
            "a/conv": nn.Conv2d(3, 4, 3, padding=1, rng=rng), "norm": nn.LocalResponseNorm(),
            "relu": nn.ReLU(), "pool": nn.MaxPool2d(2), "branch": nn.AvgPool2d(2),
            "join": nn.Concatenate(), "flat": nn.Flatten(), "scores": nn.Linear(28, 2, rng=rng),
        },
        {
            "a/conv": [nn.INPUT], "norm": ["a/conv"], "relu": ["norm"], "pool": ["relu"],
            "branch": [nn.INPUT], "join": ["pool", "branch"], "flat": ["join"], "scores": ["flat"],
        },
        "scores",
    )  # fmt: skip
    form = Preprocess.with_one_mean(4, 5, (1.0, 2.0, 3.0), "centre")
    imported = Network(Imported(graph, 4), form, ("a", "b"))
    return tuple(_written(made.save) for made in (network(), imported))


@cache
def whole_checkpoint() -> bytes:
    with TemporaryDirectory() as folder:
        trainer(Path(folder), epochs=1).run()
        return (Path(folder) / CHECKPOINT).read_bytes()


def _written(save: Callable[[Path], None]) -> bytes:
    with TemporaryDirectory() as folder:
        save(Path(folder) / "model.safetensors")
        return (Path(folder) / "model.safetensors").read_bytes()


def _damaged(draw: random.Random, whole: bytes, inner: str) -> bytes:
    """A fault in the description `inner`, in the header, or in the bytes."""
    size = int.from_bytes(whole[:8], "little")
    header, data = json.loads(whole[8 : 8 + size]), whole[8 + size :]
    if draw.random() < 0.9:  # a file from elsewhere has no checksum to fail by
        header["__metadata__"].pop(checksum.NAME, None)
    kind = draw.random()
    if kind < 0.6:
        described = json.loads(header["__metadata__"][inner])
        header["__metadata__"][inner] = dumped(changed(draw, described))
    elif kind < 0.85:
        header = changed(draw, header)
    content = dumped(header).encode(errors="surrogatepass")
    length = len(content) if kind < 0.95 else draw.choice([0, 1, size // 2, 2**31, 2**63])
    made = length.to_bytes(8, "little") + content + data
    return binary.raw(draw, made) if draw.random() < 0.15 else made


def changed(draw: random.Random, tree: Tree) -> Tree:
    """One to three nodes of the tree replaced, dropped, repeated or exchanged."""
    for _ in range(draw.randint(1, 3)):
        places = list(_places(tree))
        if not places:
            return anything(draw)
        parent, key = draw.choice(places)
        _change(draw, parent, key, places)
    return tree


def _places(tree: Tree) -> Any:
    """(parent, key) of every node but the root."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _change(draw: random.Random, parent: Tree, key: Any, places: list[Any]) -> None:
    kind = draw.randrange(6)
    if kind == 0:
        del parent[key]
    elif kind == 1:
        other, name = draw.choice(places)
        parent[key] = deepcopy(other[name]) if name in _keys(other) else None
    elif kind == 2 and isinstance(parent, list):
        parent.extend([parent[key]] * draw.choice([1, 5, 300]))
    elif kind == 2:
        parent[f"{key}_"] = parent[key]
    else:
        parent[key] = anything(draw)


def _keys(tree: Tree) -> Any:
    return tree if isinstance(tree, dict) else range(len(tree))


def dumped(tree: Tree) -> str:
    """JSON text of a tree; `Raw` text in it stays as it is."""
    if isinstance(tree, Raw):
        return str(tree)
    if isinstance(tree, dict):
        pairs = (f"{json.dumps(str(k))}:{dumped(v)}" for k, v in tree.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(tree, list):
        return "[" + ",".join(dumped(each) for each in tree) + "]"
    return json.dumps(tree)

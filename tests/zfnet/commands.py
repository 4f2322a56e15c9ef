"""Commands in this process, as the console script runs them, and a training that takes seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.zfnet.tiny_folders import class_folders
from zfnet.cli import main
from zfnet.cli import train as train_module

CLASSES = ("blue", "green", "red")
NETWORK = [
    "--batch-size", "8", "--image-size", "32", "--width", "0.03", "--strides", "2", "1",
    "--pool5-padding", "1", "--hidden", "8", "6", "--init", "he", "--workers", "0",
]  # fmt: skip


def zfnet(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit status of `zfnet ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["zfnet", *map(str, arguments)])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def pictures(where: Path, count: int = 8) -> Path:
    """A folder with `count` images of each class."""
    return class_folders(where, CLASSES, count)


@contextmanager
def pressed() -> Iterator[list[int]]:
    """Ctrl-C, pressed before the first step."""
    yield [2]


def stopped(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit status of a training that Ctrl-C stops in its first step."""
    with monkeypatch.context() as patch:
        patch.setattr(train_module, "stop_on_interrupt", pressed)
        return zfnet(monkeypatch, "train", *arguments)

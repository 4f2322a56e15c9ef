"""Record of a comparison on disk, image by image, from which an interrupted one goes on.

    OUT/record/comparison.json     what is compared: network, images, settings
    OUT/record/00012.json          the measures of image 12
    OUT/record/00012-gradient.npy  its maps, where the page shows them

Each file is written to a temporary name and renamed, and the JSON files have checksums.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from kernels.storage.atomic import replacing
from kernels.storage.checksum import Damaged
from kernels.storage.sealed import sealed, unsealed
from minidl import device
from zfnet.data import Dataset
from zfnet.experiments.compare_rules.measure import OfImage
from zfnet.experiments.compare_rules.setting import Setting
from zfnet.network import Network

FREE = ("rules", "images", "shown", "randomised")
"""Settings that may differ in a run that goes on: they say which methods and how many images, not
how each is measured."""


class Record:
    """The record in OUT/record of the comparison that `described` describes.

    ValueError if the folder has the record of another one.
    """

    def __init__(self, out: Path, described: Mapping[str, Any]) -> None:
        self.folder = out / "record"
        file = self.folder / "comparison.json"
        before = _read(file)
        if before is None:
            _write(file, sealed(described))
        elif before != described:
            unlike = sorted(k for k in {*before, *described} if before.get(k) != described.get(k))
            raise ValueError(
                f"{out} holds a comparison with other {', '.join(unlike)}; give another --out, or "
                f"remove {self.folder}"
            )

    def image(self, index: int) -> OfImage | None:
        """The measures of an image, or None."""
        table = _read(self._file(index))
        return None if table is None else OfImage.of_json(table)

    def keep(self, found: OfImage, maps: Mapping[str, np.ndarray]) -> None:
        """Write the measures of an image, after its maps (H,W) by method."""
        for name, map in maps.items():
            with replacing(self._map(found.index, name)) as beside, open(beside, "wb") as opened:
                np.save(opened, map.astype(np.float32))
        _write(self._file(found.index), sealed(json.loads(json.dumps(asdict(found))), None))

    def maps(self, index: int, names: Sequence[str]) -> dict[str, np.ndarray] | None:
        """The maps of an image by method; None unless all are there."""
        files = {name: self._map(index, name) for name in names}
        if not all(file.is_file() for file in files.values()):
            return None
        return {name: np.load(file, allow_pickle=False) for name, file in files.items()}

    def _file(self, index: int) -> Path:
        return self.folder / f"{index:05d}.json"

    def _map(self, index: int, name: str) -> Path:
        return self.folder / f"{index:05d}-{name}.npy"


def described(network: Network, dataset: Dataset, setting: Setting) -> dict[str, Any]:
    """What makes an image's measures: the network's weights, the images, and the settings."""
    crc = 0
    for name, array in sorted(network.arrays().items()):
        crc = zlib.crc32(
            np.ascontiguousarray(device.host(array)).tobytes(), zlib.crc32(name.encode(), crc)
        )
    used = {k: v for k, v in asdict(setting).items() if k not in FREE and v is not None}
    used["pointing"] = setting.pointing is not False  # (asked for, or where there are boxes: alike)
    text = json.dumps({
        "network": f"{crc:08x}", "preprocessing": network.preprocess.settings(),
        "images": _listed(dataset), **used,
    })  # fmt: skip
    found: dict[str, Any] = json.loads(text)
    return found


def _listed(dataset: Dataset) -> str:
    """The number of images and the CRC-32 of their titles and labels."""
    crc = 0
    for index in range(len(dataset)):
        line = f"{dataset.title(index)}\t{dataset.label(index)}\n"
        crc = zlib.crc32(line.encode("utf-8", "surrogateescape"), crc)
    return f"{len(dataset)} images, {crc:08x}"


def _read(file: Path) -> dict[str, Any] | None:
    """The object in a file; None without one. ValueError for a damaged file."""
    if not file.is_file():
        return None
    text = file.read_text("utf-8", errors="replace")
    try:
        return unsealed(text, None if file.stem.isdecimal() else 1)
    except (Damaged, ValueError) as error:
        raise ValueError(
            f"{file} is damaged ({error}): remove it, and what it held is measured again"
        ) from None


def _write(file: Path, text: str) -> None:
    with replacing(file) as beside:
        beside.write_text(text, "utf-8")

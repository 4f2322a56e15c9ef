"""Results so far of `zfnet features`, from which an interrupted run goes on.

They lie in the folder `unfinished` beside the page, and are removed when the page is complete: the
strongest activations with the number of images looked at, and each finished layer. All of them are
of one key, which depends on the weights, the images' names, the options and the program's version;
those of another key are removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minidl import serialize
from zfnet.data import Dataset
from zfnet.experiments.features.measure import Strongest
from zfnet.experiments.shared.results import program_version
from zfnet.network import Network

FOLDER, KEY, STRONGEST = "unfinished", "key.txt", "strongest.npz"


def key_of(network: Network, dataset: Dataset, settings: Mapping[str, Any]) -> str:
    """What the results depend on, as one short text."""
    found = hashlib.sha256(program_version().encode())
    found.update(json.dumps(dict(settings), sort_keys=True, default=str).encode())
    for name, parameter in network.model.named_parameters():
        found.update(name.encode(errors="surrogateescape"))
        found.update(np.ascontiguousarray(parameter.numpy()).data)
    for index in range(len(dataset)):
        found.update(f"{dataset.title(index)}\n".encode(errors="surrogateescape"))
    return found.hexdigest()


@dataclass(frozen=True)
class Finished:
    """One layer of the page: its HTML, the numbers of its maps, and its lattice if measured."""

    html: str
    numbers: list[dict[str, Any]]
    lattice: dict[str, Any] | None


class Unfinished:
    """The results so far in `out`/unfinished, of `key`."""

    def __init__(self, out: Path, key: str) -> None:
        self.folder = out / FOLDER
        if self._read_text(KEY) != key:
            self.remove()
            self._write(KEY, key.encode())

    def strongest(self) -> tuple[int, dict[str, Strongest]]:
        """The number of images looked at, and the strongest activations among them."""
        # A damaged file is like none: what it had is computed again.
        with contextlib.suppress(OSError, ValueError, KeyError, zipfile.BadZipFile):
            return self._strongest()
        return 0, {}

    def _strongest(self) -> tuple[int, dict[str, Strongest]]:
        found = {}
        with np.load(self.folder / STRONGEST, allow_pickle=False) as file:
            for n, layer in enumerate(file["layers"].tolist()):
                P, Q = file[f"plane{n}"].tolist()
                parts = (file[f"{what}{n}"] for what in ("values", "images", "places"))
                found[layer] = Strongest(layer, (P, Q), *parts)
            return int(file["done"]), found

    def keep_strongest(self, done: int, found: Mapping[str, Strongest]) -> None:
        """Keep the strongest activations of the first `done` images."""
        arrays: dict[str, Any] = {"done": done, "layers": np.array(list(found), np.str_)}
        for n, one in enumerate(found.values()):
            arrays |= {f"plane{n}": one.plane, f"values{n}": one.values}
            arrays |= {f"images{n}": one.images, f"places{n}": one.places}
        with serialize.replacing(self.folder / STRONGEST) as beside, open(beside, "wb") as file:
            np.savez(file, **arrays)

    def layer(self, number: int) -> Finished | None:
        """The layer of that number, or None."""
        try:
            return Finished(**json.loads(self._read_text(f"layer-{number:02d}.json")))
        except (ValueError, TypeError):
            return None

    def keep_layer(self, number: int, finished: Finished) -> None:
        self._write(f"layer-{number:02d}.json", json.dumps(asdict(finished)).encode())

    def remove(self) -> None:
        """Remove the results so far, as the page has all of them, or they are of another run."""
        with contextlib.suppress(FileNotFoundError):
            for file in self.folder.iterdir():
                file.unlink()
            self.folder.rmdir()

    def _read_text(self, name: str) -> str:
        with contextlib.suppress(OSError, ValueError):
            return (self.folder / name).read_text(encoding="utf-8")
        return ""

    def _write(self, name: str, content: bytes) -> None:
        with serialize.replacing(self.folder / name) as beside:
            beside.write_bytes(content)

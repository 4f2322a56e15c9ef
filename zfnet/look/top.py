"""Top nine: the strongest activations of every map over the images, with their places.

Each image goes through the network once, for all layers; the state is kept on disk, under a digest
of the network and the images, and continued from there.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kernels.terminal.progress import say
from minidl import no_grad, serialize
from zfnet.data.images import BadImage
from zfnet.inspectable import SHAPING
from zfnet.look.gallery import Gallery
from zfnet.look.session import prepared
from zfnet.network import Network

BEST = 9
Tables = dict[str, np.ndarray]
"""(K,9) by layer."""
SECONDS = 5.0
"""Between two writes of the state."""


@dataclass(frozen=True)
class Place:
    """A unit of an image: the image's number, the unit's place, its value."""

    image: int
    p: int
    q: int
    value: float


class TopNine:
    """The strongest activations of every map.

    keep: the folder for the state; None: it is not kept.
    values, images, places: by layer (K,9), the strongest first; -inf, -1 and -1 where there is none
    yet. A place is p Q + q.
    """

    def __init__(self, network: Network, gallery: Gallery, keep: Path | None) -> None:
        self.network, self.gallery = network, gallery
        self.ids = gallery.sources()
        self.done, self.broken = 0, list[str]()
        model = network.model.eval()
        kinds, below = dict(model.children()), model.below(model.output)
        self.layers = [
            name
            for name in model.layer_names()
            if name in below and type(kinds[name]).__name__ not in SHAPING
        ]
        self._clear()
        self.folder = None if keep is None else keep / self._digest()
        if self.folder is not None:
            self._load(self.folder / "top.safetensors")

    def _clear(self) -> None:
        shapes = {name: (self.network.model.unit_planes(name)[0], BEST) for name in self.layers}
        self.values = {n: np.full(shape, -np.inf, np.float32) for n, shape in shapes.items()}
        self.images = {n: np.full(shape, -1, np.int32) for n, shape in shapes.items()}
        self.places = {n: np.full(shape, -1, np.int32) for n, shape in shapes.items()}

    def steps(self) -> Iterator[None]:
        """Work for the engine's background: an image a step. Written every few seconds, and at the
        end, whoever ends it."""
        written = time.monotonic()
        try:
            while self.done < len(self.ids):
                self._take(self.done)
                self.done += 1
                if time.monotonic() > written + SECONDS:
                    self.save()
                    written = time.monotonic()
                yield
        finally:
            self.save()

    def _take(self, number: int) -> None:
        """Run one image and keep what is stronger; a broken image is listed and passed over."""
        try:
            pixels = self.gallery.pixels(self.ids[number])
        except BadImage as error:
            self.broken.append(str(error))
            return
        model = self.network.model
        with no_grad():
            found = model.activations(model.input_tensor(prepared(self.network, pixels)[None]))
        for name in self.layers:
            self._insert(name, number, model.layout(name).planar(found[name].numpy())[0])

    def _insert(self, name: str, number: int, planes: np.ndarray) -> None:
        """Insert an image's maxima (K,P,Q) where they are stronger than the ninth."""
        flat = planes.reshape(len(planes), -1)  # (K,P,Q) -> (K,PQ)
        largest = flat.max(axis=1)
        maps = np.flatnonzero(largest > self.values[name][:, -1])
        if len(maps) == 0:
            return
        at = flat[maps].argmax(axis=1)
        values = np.column_stack([self.values[name][maps], largest[maps]])  # (M,10)
        images = np.column_stack([self.images[name][maps], np.full(len(maps), number)])
        places = np.column_stack([self.places[name][maps], at])
        order = np.argsort(-values, axis=1, kind="stable")[:, :BEST]
        self.values[name][maps] = np.take_along_axis(values, order, 1)
        self.images[name][maps] = np.take_along_axis(images, order, 1)
        self.places[name][maps] = np.take_along_axis(places, order, 1)

    def of(self, layer: str, map: int) -> list[Place]:
        """The map's strongest places so far."""
        if layer not in self.values:
            raise ValueError(f"{layer} only moves values: look at the layer before it")
        if map >= len(self.values[layer]):
            raise ValueError(f"{layer} has the maps 0 to {len(self.values[layer]) - 1}, not {map}")
        Q = self.network.model.unit_planes(layer)[2]
        images, places = self.images[layer][map].tolist(), self.places[layer][map].tolist()
        rows = zip(images, places, self.values[layer][map].tolist(), strict=True)
        return [Place(int(n), at // Q, at % Q, value) for n, at, value in rows if n >= 0]

    def save(self) -> None:
        """Write the state; a disk that is full ends no page."""
        if self.folder is None:
            return
        tables: dict[str, Tables] = {
            "values": self.values,
            "images": self.images,
            "places": self.places,
        }
        arrays = {f"{kind} {n}": table[n] for kind, table in tables.items() for n in self.layers}
        text = {"done": str(self.done), "broken": json.dumps(self.broken)}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            serialize.save(self.folder / "top.safetensors", arrays, text)
        except OSError as error:
            say(f"the top nine cannot be kept in {self.folder}: {error.strerror or error}")

    def _load(self, file: Path) -> None:
        """Continue from the state on disk; one that is damaged, or does not fit, is begun anew."""
        try:
            arrays, text = serialize.load(file)
            done, broken = int(text["done"]), [str(each) for each in json.loads(text["broken"])]
            tables = [
                self._checked(arrays, "values", self.values, np.inf),
                self._checked(arrays, "images", self.images, done),
                self._checked(arrays, "places", self.places, np.iinfo(np.int32).max),
            ]
            if not 0 <= done <= len(self.ids):
                raise ValueError(f"{done} of {len(self.ids)} images")
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError, OSError) as error:
            say(f"{file} is begun anew: {error}")
            return
        self.values, self.images, self.places = tables
        self.done, self.broken = done, broken

    def _checked(
        self, arrays: Mapping[str, np.ndarray], kind: str, like: Tables, limit: float
    ) -> Tables:
        """The tables of one kind in a file; ValueError unless they have the form of `like`."""
        found = {name: arrays[f"{kind} {name}"].copy() for name in self.layers}
        for name, array in found.items():
            own = like[name]
            if array.shape != own.shape or array.dtype != own.dtype or (array >= limit).any():
                raise ValueError("its tables do not fit this network and these images")
        return found

    def _digest(self) -> str:
        """Of the weights, the preprocessing, and the images' names, sizes and times."""
        found = hashlib.sha256(json.dumps(self.network.preprocess.settings()).encode())
        for name, array in sorted(self.network.arrays().items()):
            found.update(f"{name}{array.shape}{array.dtype}".encode())
            found.update(np.ascontiguousarray(array).tobytes())
        for line in self.gallery.digest_lines():
            found.update(line.encode("utf-8", "surrogateescape"))
        return found.hexdigest()[:24]

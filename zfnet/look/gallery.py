"""Images of the live page: those of the command's folder or files, and uploaded ones.

Each has an id. Files of the command are listed once, when it starts: "f0", "f1", ...; the page
never names a path. Uploads are named by the digest of their bytes.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from kernels.terminal.printable import printable
from zfnet.data.images import FORMATS, SUFFIXES, BadImage, read_image
from zfnet.experiments.shared.photographs import sample_photographs

UPLOADS = 24
"""Uploaded images that are kept; the one that was used least recently is forgotten."""
READ = 24
"""Decoded images of files that are kept."""
PIXELS = 40_000_000
"""Limit of an uploaded image, in pixels; of files on disk `read_image` has its own."""
LARGEST = 2048
"""Longer side, in pixels, to which images are reduced in memory."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An image (H,W,3) uint8, its id, and a name for people."""

    id: str
    name: str
    pixels: np.ndarray


class Gallery:
    """Images by their ids."""

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self.files = tuple(files)
        self._samples = {} if files else _samples()
        self._uploads: OrderedDict[str, Picture] = OrderedDict()
        self._read: OrderedDict[str, Picture] = OrderedDict()

    def listed(self) -> list[tuple[str, str]]:
        """(id, name) of all images: uploads first, the newest in front."""
        uploads = [(picture.id, picture.name) for picture in reversed(self._uploads.values())]
        samples = [(picture.id, picture.name) for picture in self._samples.values()]
        files = [(f"f{n}", printable(file.name)) for n, file in enumerate(self.files)]
        return uploads + samples + files

    def first(self) -> str:
        """The id of the image that is shown first: of the command's, the first that can be read;
        else of those that were uploaded."""
        for identity in [*self.sources(), *reversed(self._uploads)]:
            try:
                return self.picture(identity).id
            except BadImage:
                continue
        raise ValueError("none of the images can be read; drop one onto the page")

    def picture(self, identity: str) -> Picture:
        """The image; ValueError for an unknown id, BadImage for a file that cannot be read."""
        for kept in (self._uploads, self._samples, self._read):
            if identity in kept:
                if isinstance(kept, OrderedDict):
                    kept.move_to_end(identity)
                return kept[identity]
        number = identity[1:]
        if not (identity[:1] == "f" and number.isascii() and number.isdigit()) or (
            len(number) > 9 or int(number) >= len(self.files)
        ):
            raise ValueError(
                f"no image {identity!r}: uploaded images are known as long as the server runs, and "
                f"the last {UPLOADS} of them"
            )
        file = self.files[int(number)]
        picture = Picture(identity, printable(file.name), _reduced(read_image(file)))
        self._read[identity] = picture
        if len(self._read) > READ:
            self._read.popitem(last=False)
        return picture

    def sources(self) -> list[str]:
        """The ids of the command's images, or of the samples: without uploads."""
        return list(self._samples) + [f"f{n}" for n in range(len(self.files))]

    def pixels(self, identity: str) -> np.ndarray:
        """The pixels of one of `sources`, read anew; BadImage if they cannot be."""
        if identity in self._samples:
            return self._samples[identity].pixels
        return _reduced(read_image(self.files[int(identity[1:])]))

    def name(self, identity: str) -> str:
        """The name of one of `sources`, for people."""
        if identity in self._samples:
            return self._samples[identity].name
        return printable(self.files[int(identity[1:])].name)

    def digest_lines(self) -> Iterator[str]:
        """A line for each of `sources`: its path, its size and its time."""
        yield from (picture.name for picture in self._samples.values())
        for file in self.files:
            try:
                stat = file.stat()
            except OSError:
                yield f"{file} gone"
            else:
                yield f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns}\n"

    def add(self, data: bytes, name: str) -> Picture:
        """Keep an uploaded image; ValueError in a sentence if it is none, or too large."""
        identity = "u" + hashlib.sha256(data).hexdigest()[:16]
        if identity not in self._uploads:
            shown = printable(Path(name).name)[:80] or "image"
            self._uploads[identity] = Picture(identity, shown, decoded(data, shown))
            if len(self._uploads) > UPLOADS:
                self._uploads.popitem(last=False)
        self._uploads.move_to_end(identity)
        return self._uploads[identity]


def decoded(data: bytes, name: str) -> np.ndarray:
    """The pixels (H,W,3) of a picture file's bytes; BadImage if it is none, or claims too many.

    The size that its header claims is checked before anything is decoded.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
    except Exception as error:  # decoders raise any exception for damaged bytes
        raise BadImage(
            name, f"no picture, or its header is damaged ({type(error).__name__})"
        ) from None
    if width * height > PIXELS:
        raise BadImage(
            name,
            f"{width} x {height} = {width * height:,} pixels, more than the {PIXELS:,} allowed",
        )
    with tempfile.NamedTemporaryFile(prefix="zfnet-look-") as file:
        file.write(data)
        file.flush()
        try:
            return _reduced(read_image(file.name))
        except BadImage as error:
            raise BadImage(name, error.reason) from None


def found_images(paths: Sequence[Path]) -> list[Path]:
    """The image files among `paths` and directly or deeper in the folders among them, sorted.

    ValueError for a path that does not exist, or without any image. Symbolic links that lead out of
    a folder are passed over.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += _within(path)
        elif path.is_file():
            found.append(path)
        else:
            raise ValueError(f"no file or folder {path}")
    if paths and not found:
        raise ValueError(
            f"no images in {', '.join(map(str, paths))}: known are {', '.join(sorted(SUFFIXES))}"
        )
    return found


def _within(folder: Path) -> list[Path]:
    root = folder.resolve()
    files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES)
    return [path for path in files if path.is_file() and path.resolve().is_relative_to(root)]


def _reduced(pixels: np.ndarray) -> np.ndarray:
    """The image with at most LARGEST pixels along its longer side."""
    longer = max(pixels.shape[:2])
    if longer <= LARGEST:
        return pixels
    picture = Image.fromarray(pixels)
    picture.thumbnail((LARGEST, LARGEST), Image.Resampling.BILINEAR)
    return np.asarray(picture)


def _samples() -> dict[str, Picture]:
    photographs = sample_photographs()
    return {f"s{n}": Picture(f"s{n}", each.name, each.pixels) for n, each in enumerate(photographs)}

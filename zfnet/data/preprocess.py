"""The paper's preprocessing (section 3) for any image size.

The shorter side is resized to `resize`, the centre square is taken, the per-pixel mean of the
training set is subtracted, and crops of `image_size` are cut: the four corners and the centre,
each also mirrored, ten in all. The paper has resize 256 and image_size 224; other sizes keep that
ratio. Pixels are 0..255, so that a crop is within about [-128, 128].

Imported networks may need other squares: `fit` "warp" resizes the whole image to one, as Caffe's
tools did, and the mean is often one value for each channel. The order and scale of the channels
are a layer of the network (`minidl.nn.Pixels`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from zfnet.data.dataset import Dataset, prefetched
from zfnet.data.images import BadImage
from zfnet.data.subset import evenly
from zfnet.parallel.world import ALONE, Alone, Processes, together

CROPS = 10


def default_resize(image_size: int) -> int:
    """The side of the prepared square for crops of `image_size`: the paper's 256 for its 224."""
    return round(image_size * 256 / 224)


def centre_square(image: np.ndarray, resize: int) -> np.ndarray:
    """Scale the shorter side of `image` to `resize` and take the centre: (resize, resize, 3) uint8.

    Both happen in one bilinear, antialiased pass over the centre of the (H, W, 3) uint8 image, so
    a long strip costs no more than a square. Small images are scaled up; an image whose shorter
    side is `resize` keeps its pixels.
    """
    _check_image(image)
    height, width = image.shape[:2]
    side = min(height, width)
    if side == resize:
        top, left = (height - side) // 2, (width - side) // 2
        return np.ascontiguousarray(image[top : top + side, left : left + side])
    top_edge, left_edge = (height - side) / 2, (width - side) / 2
    box = (left_edge, top_edge, left_edge + side, top_edge + side)
    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.array(picture.resize((resize, resize), Image.Resampling.BILINEAR, box=box))


def warped_square(image: np.ndarray, resize: int) -> np.ndarray:
    """The whole (H, W, 3) uint8 image, warped to (resize, resize, 3); bilinear."""
    _check_image(image)
    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.array(picture.resize((resize, resize), Image.Resampling.BILINEAR))


SQUARES: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "centre": centre_square,
    "warp": warped_square,
}
"""The functions that make a square of an image, by the names of `Preprocess.fit`."""


def square_of(dataset: Dataset, index: int, make: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """make(image) of one image of a data set. BadImage too where memory does not suffice for it."""
    try:
        return make(dataset.image(index))
    except MemoryError:
        raise BadImage(
            dataset.title(index), "it needs more memory than can be had to be prepared"
        ) from None


class _Sum:
    """Sum of a data set's prepared images, and their number: total (resize, resize, 3) float64."""

    def __init__(self, dataset: Dataset, resize: int, strict: bool) -> None:
        self.dataset, self.resize, self.strict = dataset, resize, strict
        self.total, self.used = np.zeros((resize, resize, 3), np.float64), 0

    def add(self, indices: Sequence[int], workers: int, one_more: Callable[[], None]) -> None:
        """Add the images of these numbers; `one_more` is called after each, readable or not."""
        for square in prefetched(self._read, indices, workers=workers, depth=16 * max(workers, 1)):
            if square is not None:
                np.add(self.total, square, out=self.total)
                self.used += 1
            one_more()

    def _read(self, index: int) -> np.ndarray | None:
        try:
            return square_of(self.dataset, index, lambda image: centre_square(image, self.resize))
        except BadImage:
            if self.strict:
                raise
            return None


def mean_image(
    dataset: Dataset,
    resize: int,
    progress: Callable[[int, int], None] | None = None,
    limit: int | None = None,
    *,
    workers: int = 2,
    strict: bool = False,
    world: Alone | Processes = ALONE,
) -> np.ndarray:
    """The mean of the prepared images, (3, resize, resize) float32, accumulated in float64.

    Args:
        progress: called as progress(done, total) after every image.
        limit: number of images, evenly spread over the data set; None: all.
        workers: threads that decode in advance.
        strict: raise BadImage at the first unreadable image instead of leaving it out.
        world: processes that share the images. Sums of whole numbers are exact: the mean is the
            same in any number of them.

    Raises:
        ValueError: no image, or none that can be read.
        BadImage: an unreadable image, if strict.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit = {limit}: at least one image is needed")
    indices = evenly(len(dataset) if limit is None else limit, len(dataset))
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(min(done * world.size, len(indices)), len(indices))

    own = _Sum(dataset, resize, strict)
    together(world, lambda: own.add(indices[world.rank :: world.size], workers, one_more))
    parts = world.gather((own.total, own.used))
    total, used = sum(part for part, _ in parts), sum(count for _, count in parts)
    if used == 0:
        raise ValueError(f"no mean image: {dataset.name} has {len(indices)} images, none readable")
    # (resize,resize,3) -> (3,resize,resize)
    return np.ascontiguousarray((total / used).transpose(2, 0, 1), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Preprocess:
    """From an image to network inputs and back.

    Attributes:
        image_size: side S of a crop.
        resize: side of the prepared square, at least S.
        mean: (3, resize, resize) float32, subtracted before cropping.
        fit: "centre", the shorter side scaled and the centre taken, or "warp", all of the image.
    """

    image_size: int
    resize: int
    mean: np.ndarray
    fit: str = "centre"
    _mean: np.ndarray = field(init=False, repr=False)  # (resize, resize, 3), as images are stored

    def __post_init__(self) -> None:
        if not 1 <= self.image_size <= self.resize:
            raise ValueError(
                f"image_size = {self.image_size} must be at least 1 and "
                f"at most resize = {self.resize}"
            )
        if self.fit not in SQUARES:
            raise ValueError(f"fit is {self.fit!r}, must be one of {', '.join(SQUARES)}")
        expected = (3, self.resize, self.resize)
        if self.mean.shape != expected or self.mean.dtype != np.float32:
            raise ValueError(
                f"the mean is {self.mean.shape} {self.mean.dtype}, needed is {expected} float32"
            )
        if not np.isfinite(self.mean).all():
            raise ValueError("the mean image contains values that are not finite")
        object.__setattr__(self, "_mean", np.ascontiguousarray(self.mean.transpose(1, 2, 0)))

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 -> (resize, resize, 3) uint8, as `fit` says."""
        return SQUARES[self.fit](image, self.resize)

    def source_rectangle(self, shape: Sequence[int]) -> tuple[float, float, int, int]:
        """Top, left, height and width of the square's source in an image (H, W, ...)."""
        H, W = shape[:2]
        side = min(H, W)
        return (0, 0, H, W) if self.fit == "warp" else ((H - side) / 2, (W - side) / 2, side, side)

    def crop(self, prepared: np.ndarray, index: int) -> np.ndarray:
        """Crop `index` of a prepared image, mean subtracted: (S, S, 3) float32.

        0 to 4 are top left, top right, bottom left, bottom right and centre, 5 to 9 the same
        mirrored. The mean is cut and mirrored with the image.
        """
        if not 0 <= index < CROPS:
            raise ValueError(f"crop {index} does not exist: there are {CROPS}, 0 to {CROPS - 1}")
        room = self.resize - self.image_size
        middle = room // 2
        corners = ((0, 0), (0, room), (room, 0), (room, room), (middle, middle))
        top, left = corners[index % 5]
        return self._cut(prepared, top, left, mirrored=index >= 5)

    def centre(self, prepared: np.ndarray) -> np.ndarray:
        """The centre crop, mean subtracted: (S, S, 3) float32."""
        return self.crop(prepared, 4)

    def ten_crops(self, prepared: np.ndarray) -> np.ndarray:
        """All ten crops of a prepared image in the order of `crop`: (10, S, S, 3) float32."""
        return np.stack([self.crop(prepared, index) for index in range(CROPS)])

    def random_crop(self, prepared: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A crop at a uniformly drawn position, mirrored half of the time: (S, S, 3) float32."""
        room = self.resize - self.image_size
        top, left = rng.integers(0, room + 1, size=2)
        return self._cut(prepared, int(top), int(left), mirrored=bool(rng.integers(2)))

    def to_pixels(self, x: np.ndarray) -> np.ndarray:
        """A (3, S, S) input as a picture, (S, S, 3) uint8: the centre crop's mean added back."""
        size = self.image_size
        if x.shape != (3, size, size):
            raise ValueError(f"an input of shape {x.shape} is no picture of {(3, size, size)}")
        middle = (self.resize - size) // 2
        # (3,S,S) -> (S,S,3)
        pixels = x.transpose(1, 2, 0) + self._mean[middle : middle + size, middle : middle + size]
        return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)

    def settings(self) -> dict[str, Any]:
        """All but the mean, for JSON."""
        return {"image_size": self.image_size, "resize": self.resize, "fit": self.fit}

    @classmethod
    def from_settings(cls, settings: dict[str, Any], mean: np.ndarray) -> Preprocess:
        """The inverse of `settings`. Raises ValueError for missing, wrong or unknown entries."""
        sizes = {key: settings.get(key) for key in ("image_size", "resize")}
        others = set(settings) - {"fit"}  # (old files do not have it)
        if others != set(sizes) or any(type(size) is not int for size in sizes.values()):
            raise ValueError(
                f"preprocessing settings are {settings}, needed are image_size and resize as int"
            )
        fit = str(settings.get("fit", "centre"))
        return cls(int(settings["image_size"]), int(settings["resize"]), mean, fit)

    @classmethod
    def with_one_mean(
        cls, image_size: int, resize: int, mean: Sequence[float], fit: str = "centre"
    ) -> Preprocess:
        """With one mean per channel, (red, green, blue) in 0..255."""
        if len(mean) != 3:
            raise ValueError(f"the mean has {len(mean)} values, needed are red, green and blue")
        one = np.array(mean, np.float32)[:, None, None]  # (3,) -> (3,1,1)
        return cls(image_size, resize, np.tile(one, (1, resize, resize)), fit)

    def _cut(self, prepared: np.ndarray, top: int, left: int, mirrored: bool) -> np.ndarray:
        square = (self.resize, self.resize, 3)
        if prepared.shape != square or prepared.dtype != np.uint8:
            raise ValueError(
                f"prepared image is {prepared.shape} {prepared.dtype}, needed is {square} uint8: "
                "call prepare first"
            )
        rows = slice(top, top + self.image_size)
        columns = slice(left, left + self.image_size)
        out = np.empty((self.image_size, self.image_size, 3), np.float32)
        view = out[:, ::-1] if mirrored else out
        np.subtract(prepared[rows, columns], self._mean[rows, columns], out=view)
        return out


def _check_image(image: np.ndarray) -> None:
    if image.dtype != np.uint8:
        raise TypeError(f"an image is uint8 with values 0..255, this one is {image.dtype}")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"an image is (H, W, 3) with H, W >= 1, this one is {image.shape}")

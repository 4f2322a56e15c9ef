"""Images for the network: data sets, the paper's preprocessing, batches."""

from __future__ import annotations

from pathlib import Path

from zfnet.data.batches import Batch, Loading
from zfnet.data.dataset import Dataset, Truth, require_classes
from zfnet.data.folders import ClassFolders, Photographs, TinyImageNet, open_folder
from zfnet.data.images import BadImage, read_image
from zfnet.data.loader import Loader, ten_crop_batches
from zfnet.data.preprocess import Preprocess, default_resize, mean_image
from zfnet.data.scenes import Scenes
from zfnet.data.subset import Subset, spread
from zfnet.signals import DataWarning

__all__ = [
    "BadImage",
    "Batch",
    "ClassFolders",
    "DataWarning",
    "Dataset",
    "Loader",
    "Loading",
    "Photographs",
    "Preprocess",
    "Subset",
    "TinyImageNet",
    "Truth",
    "default_resize",
    "mean_image",
    "open_dataset",
    "read_image",
    "require_classes",
    "spread",
    "ten_crop_batches",
]


def open_dataset(
    spec: str | Path,
    split: str,
    *,
    seed: int = 0,
    val_fraction: float = 0.1,
    size: int = 64,
    count: int | None = None,
    follow_links: bool = False,
) -> Dataset:
    """Open a data set by its name on the command line.

    Args:
        spec: "scenes" for the generated images, else a folder (one called scenes is "./scenes"):
            class folders, Tiny ImageNet's layout, or plain photographs; the layout is detected.
        split: "train" or "val"; "test" of scenes and of folders with such a part; photographs have
            no split.
        seed: draws the scenes, or the val part of each class where the folder has no split.
        val_fraction: the share of that part.
        size: side of a scene in pixels.
        count: number of scenes; None for the default.
        follow_links: also symbolic links that lead out of the folder.

    Warns (`DataWarning`) of folders and links that are passed over.

    Raises:
        ValueError: unknown split, no such folder, or no known layout in it.
    """
    if spec == "scenes":
        return Scenes(split, seed=seed, size=size, count=count)
    return open_folder(spec, split, val_fraction=val_fraction, seed=seed, follow_links=follow_links)

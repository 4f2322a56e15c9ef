"""Boxes of a folder's images in PASCAL VOC's XML, one file an image, as ImageNet has them too.

    pictures/cat.jpg, pictures/cat.xml          beside the image, or
    boxes/.../cat.xml                           anywhere in a folder of annotations

A file belongs to the image of the same name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zfnet.data.dataset import Dataset, Truth
from zfnet.data.voc import VocObject, annotated_object, parsed_annotation
from zfnet.data.walking import existing


class WithBoxes:
    """A data set whose objects are annotated in XML files; `Dataset` describes the methods.

    folder: of the annotations; None: beside the images.
    ValueError for a folder that does not exist or has no XML files; of two files of one name.
    """

    def __init__(self, dataset: Dataset, folder: str | Path | None = None) -> None:
        self.name, self.classes = dataset.name, tuple(dataset.classes)
        self._dataset = dataset
        self._files: dict[str, Path] = {}
        if folder is None:
            return
        for path in sorted(existing(Path(folder)).rglob("*.xml")):
            if path.stem in self._files:
                raise ValueError(
                    f"{path} and {self._files[path.stem]} have one name: which of them belongs to "
                    f"the image {path.stem} cannot be known"
                )
            self._files[path.stem] = path
        if not self._files:
            raise ValueError(f"{folder} has no annotation: expected NAME.xml for an image NAME.jpg")

    def __len__(self) -> int:
        return len(self._dataset)

    def image(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8. Raises BadImage."""
        return self._dataset.image(index)

    def label(self, index: int) -> int:
        """The index into `classes`, or -1."""
        return self._dataset.label(index)

    def title(self, index: int) -> str:
        """The title in the data set."""
        return self._dataset.title(index)

    def file(self, index: int) -> Path | None:
        """The image's file; None where the data set has no files."""
        file: Any = getattr(self._dataset, "file", None)
        return file(index) if file else None

    def objects(self, index: int) -> tuple[VocObject, ...]:
        """The annotated objects of an image, () without an annotation.

        ValueError for an annotation that cannot be read.
        """
        path = self._annotation(index)
        if path is None:
            return ()
        return tuple(annotated_object(path, e) for e in parsed_annotation(path).findall("object"))

    def truth(self, index: int) -> Truth | None:
        """The objects of the image's class as one mask, or all objects where none is named so.

        Without an annotation: the data set's own. The mask is that of the boxes, in the image's
        pixels; a box outside the image has no pixels.
        """
        objects = self.objects(index)
        if not objects:
            return self._dataset.truth(index)
        label = self.label(index)
        wanted = self.classes[label] if label >= 0 else ""
        own = [found for found in objects if found.name == wanted] or objects
        mask = np.zeros(self.image(index).shape[:2], bool)
        for found in own:
            top, left, bottom, right = (max(edge, 0) for edge in found.box)
            mask[top:bottom, left:right] = True
        return Truth(mask=mask) if mask.any() else None

    def _annotation(self, index: int) -> Path | None:
        """The file of an image's annotation."""
        file = self.file(index)
        if file is None:
            return None
        beside = file.with_suffix(".xml")
        return self._files.get(file.stem) or (beside if beside.is_file() else None)

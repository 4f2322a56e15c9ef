"""Folders of black images in the layouts of data sets, where only names and places matter."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from zfnet.data import Dataset


def save(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (2, 2)).save(path)


def titles(dataset: Dataset) -> list[str]:
    return [dataset.title(index) for index in range(len(dataset))]


def classes_of(root: Path, **counts: int) -> Path:
    for name, count in counts.items():
        for index in range(count):
            save(root / name / f"{index:03}.png")
    return root


def tiny(root: Path) -> Path:
    for wnid, box in (("n00000002", "1\t2\t3\t4"), ("n00000001", "0\t0\t1\t1")):
        save(root / "train" / wnid / "images" / f"{wnid}_0.JPEG")
        boxes = root / "train" / wnid / f"{wnid}_boxes.txt"
        boxes.write_text(f"{wnid}_0.JPEG\t{box}\n")
    save(root / "val" / "images" / "val_0.JPEG")
    annotations = "val_0.JPEG\tn00000001\t5\t6\t7\t8\nval_1.JPEG\tn00000099\t0\t0\t1\t1\n"
    (root / "val" / "val_annotations.txt").write_text(annotations)
    (root / "wnids.txt").write_text("n00000002\nn00000001\n")
    (root / "words.txt").write_text("n00000001\tbee, insect\nn00000002\tcat\n")
    return root

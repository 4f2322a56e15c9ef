"""Networks in files against ONNX Runtime, each output, on photographs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from minidl import load_onnx
from minidl.formats.onnx.model import Image
from minidl.formats.onnx.reading import parse, read_image, read_outputs
from tests.networks.compare import Row, judged
from tests.networks.preparations import Preparation, preparation

PHOTOGRAPHS = 4
SUFFIXES = (".jpg", ".jpeg", ".png")


def networks(folders: Sequence[Path]) -> Iterator[Path]:
    """The ONNX files in these folders, the smallest first."""
    found = {file for each in folders for file in ([each] if each.is_file() else _below(each))}
    yield from sorted(found, key=lambda file: (file.stat().st_size, file))


def _below(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.onnx")


def compared(file: Path, photographs: Path) -> Row:
    """The results of photographs, for each output that is computed from the image."""
    row: Row = {"case": str(file)}
    prepared, began = preparation(file), time.perf_counter()
    try:
        image = _image(file, prepared)
        x = _batch(prepared, image, sorted(_pictures(photographs)))
        for name in read_outputs(file):
            row = _worse(row, _compared(file, image, x, name))
    except ValueError as error:
        return row | {"refused": str(error).replace(f"{file} cannot be imported: ", "")}
    return row | {"seconds": time.perf_counter() - began}


def _compared(file: Path, image: Image, x: np.ndarray, output: str) -> Row:
    net = load_onnx(file, size=image.planes[1:], output=output)
    each = image.images or 1
    parts = [x[at : at + each] for at in range(0, len(x), each)]
    expected = [_expected(file, image.name, part, output) for part in parts]
    return judged(net, parts, expected, _largest)


def _largest(changes: Sequence[np.ndarray]) -> float:
    """Values of one output differ in scale, as boxes and probabilities do, and most of them may be
    saturated: the mean of all would say nothing of the others."""
    return max(float(np.abs(each).max()) for each in changes)


def _worse(before: Row, row: Row) -> Row:
    """The row with the output that is nearer to its bound, or beyond it."""
    if "bound" not in before:
        return before | row
    return before | max(before, row, key=lambda each: (not each["equal"], _share(each)))


def _share(row: Row) -> float:
    return float(row["difference"] / row["bound"]) if row["bound"] else 0.0


def _image(file: Path, prepared: Preparation) -> Image:
    """The file's input, with the owner's sizes where it leaves them open."""
    try:
        return read_image(file)
    except ValueError:
        return read_image(file, prepared.plane)


def _pictures(folder: Path) -> Iterator[Path]:
    return (file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)


def _batch(prepared: Preparation, image: Image, files: Sequence[Path]) -> np.ndarray:
    """Photographs from the whole folder, a multiple of the file's batch; of grey or many channels
    the colours in turn."""
    C, H, W = image.planes
    each = image.images or 1
    count = max(PHOTOGRAPHS // each, 1) * each
    chosen = [files[at * len(files) // count] for at in range(count)]
    pixels = np.stack([prepared.image(file, H, W) for file in chosen])
    planes = pixels[:, :, :, [c % 3 for c in range(C)]]  # (N,H,W,3) -> (N,H,W,C)
    if image.whole:
        planes = np.clip(np.rint(planes), 0, 255)
    return np.ascontiguousarray(planes if image.channels_last else planes.transpose(0, 3, 1, 2))


def _expected(file: Path, name: str, x: np.ndarray, output: str) -> np.ndarray:
    """ONNX Runtime's result, or the standard's evaluator's where that has no such old operator."""
    import onnxruntime as ort

    proto = parse(file)
    (given,) = (each for each in proto.graph.input if each.name == name)
    from onnx.helper import tensor_dtype_to_np_dtype

    typed = x.astype(tensor_dtype_to_np_dtype(given.type.tensor_type.elem_type))
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception:  # its own exceptions have no common class but this
        from onnx.reference import ReferenceEvaluator

        return np.asarray(ReferenceEvaluator(proto).run([output], {name: typed})[0])
    return np.asarray(session.run([output], {name: typed})[0])

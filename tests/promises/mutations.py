"""Damaged files of every kind that is read: a result, or one sentence; within memory and time.

Nothing is executed, written or connected meanwhile, and nothing outside of the file's folder read.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.promises.damage.images import image, whole_images
from tests.promises.damage.networks import checkpoint, saved, whole_checkpoint, whole_networks
from tests.promises.damage.onnx_models import onnx_model, whole_models
from tests.promises.damage.pickle_programs import program
from tests.promises.part import Part, Trial
from tests.promises.reader import Outcome, Readers
from zfnet.checkpoint import CHECKPOINT

GENERATORS: dict[str, Callable[[random.Random], tuple[str, bytes]]] = {
    "image": image,
    "network": saved,
    "checkpoint": checkpoint,
    "onnx": onnx_model,
    "pickle": program,
}
Named = tuple[str, bytes]
"""The end of a file's name, and its content."""


def whole_files() -> dict[str, list[Named]]:
    """What the damaged files were before, by kind; the state dictionary is of no known network."""
    models = (model.SerializeToString() for model in whole_models())
    return {
        "image": [(f".{kind.lower()}", content) for kind, content in whole_images()],
        "network": [(".safetensors", content) for content in whole_networks()],
        "checkpoint": [(CHECKPOINT, whole_checkpoint())],
        "onnx": [(".onnx", content) for content in models],
    }


MEMORY = dict.fromkeys([*GENERATORS, "trap"], 256 << 20) | {"image": 1700 << 20}
"""Bytes for a small file. A picture of 100 million pixels takes 4 bytes a pixel and copy."""
SECONDS = 15.0
LONGEST = 1000
"""Characters of a sentence."""
COUNT = 4000


@contextmanager
def opened(folder: Path) -> Iterator[Trial]:
    """onnx-12: the file that seed 12 draws."""
    names = [f"{kind}-{seed}" for kind in GENERATORS for seed in range(COUNT)]
    with Readers() as readers:
        yield Trial(names, partial(judged, readers, folder))


def judged(readers: Readers, folder: Path, case: str) -> list[str]:
    """What a damaged file broke."""
    kind, seed = case.split("-")
    suffix, content = GENERATORS[kind](random.Random(int(seed)))
    return read(readers, folder / case, kind, suffix, content)[1]


def read(
    readers: Readers, place: Path, kind: str, suffix: str, content: bytes
) -> tuple[Outcome | str, list[str]]:
    """The outcome of a file in a folder of its own, and what it broke."""
    place.mkdir()
    file = place / (suffix if kind == "checkpoint" else f"damaged{suffix}")
    file.write_bytes(content)
    outcome = readers.read(kind, file)
    found = [outcome] if isinstance(outcome, str) else _broken(kind, outcome, file)
    file.unlink()
    left = [path.name for path in place.iterdir()]
    place.rmdir()
    return outcome, found + [f"it leaves {name}" for name in left]


def _broken(kind: str, outcome: Outcome, file: Path) -> list[str]:
    found = []
    if outcome.error:
        found.append(f"{outcome.error}: {outcome.text[:300]}")
    elif outcome.text and not _is_sentence(outcome.text, file):
        found.append(f"no sentence about the file: {outcome.text[:300]!r}")
    if outcome.grown > MEMORY[kind] + 8 * file.stat().st_size:
        found.append(f"it takes {outcome.grown >> 20} MB of memory")
    if outcome.seconds > SECONDS:
        found.append(f"it takes {outcome.seconds:.0f} s")
    return found + [f"it does {deed}" for deed in outcome.deeds]


def _is_sentence(text: str, file: Path) -> bool:
    return file.name in text and len(text) <= LONGEST + len(str(file)) and "\n" not in text


MUTATIONS = Part("mutations", "damaged files are read", opened)

"""The notebook of the documentation, executed in a kernel of its own.

`python -m tests.docs.notebook` executes it and writes its outputs into the file.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs" / "from-tensor-to-projection.ipynb"
NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?%?")
TIME = re.compile(r"\d+\.?\d* (?:ms|s|seconds)\b")
ROUNDING = 0.02
"""Of a number: other processors sum in another order, and training steps multiply that."""
LEVELS = 6.0
"""Mean difference of the pixels of pictures, of 255."""


def read() -> Any:
    """The notebook as it is committed."""
    return nbformat.read(NOTEBOOK, as_version=4)


def executed(notebook: Any, timeout: int = 600) -> Any:
    """A copy, executed cell by cell in a new kernel that starts in the repository's root."""
    fresh = nbformat.from_dict(notebook)
    for cell in code_cells(fresh):
        cell.outputs, cell.execution_count = [], None
    resources = {"metadata": {"path": str(ROOT)}}
    client = NotebookClient(fresh, timeout=timeout, kernel_name="python3", resources=resources,
                            record_timing=False)  # fmt: skip
    client.execute()
    for cell in code_cells(fresh):
        cell.outputs = _tidy(cell.outputs)
    return fresh


def _tidy(outputs: Any) -> list[Any]:
    """What is printed as one output, however it arrived; of a picture PNG alone."""
    printed = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stdout")
    others = [o for o in outputs if o.output_type != "stream" or o.name != "stdout"]
    for output in others:
        if "image/png" in output.get("data", {}):
            output.data = {"image/png": output.data["image/png"]}
    stdout = nbformat.v4.new_output("stream", name="stdout", text=printed)
    return [*([stdout] if printed else []), *others]


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(cell: Any) -> Iterator[str]:
    """The text of each output, times left out."""
    for output in cell.outputs:
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
        yield TIME.sub("TIME", text)


def pictures(cell: Any) -> Iterator[np.ndarray]:
    """The pixels of each output that is a picture."""
    for output in cell.outputs:
        stored = output.get("data", {}).get("image/png")
        if stored:
            image = Image.open(io.BytesIO(base64.b64decode(stored)))
            yield np.asarray(image.convert("RGB"), np.float64)


def differences(committed: Any, found: Any) -> list[str]:
    """What differs in the outputs of a cell, but for rounding and times."""
    wrong = []
    before, now = list(texts(committed)), list(texts(found))
    if [NUMBER.sub("#", t) for t in before] != [NUMBER.sub("#", t) for t in now]:
        wrong.append(f"text {before} is now {now}")
    else:
        numbers = ([n for t in each for n in NUMBER.findall(t)] for each in (before, now))
        wrong += [f"{a} is now {b}" for a, b in zip(*numbers, strict=True) if not _near(a, b)]
    old, new = list(pictures(committed)), list(pictures(found))
    if [p.shape for p in old] != [p.shape for p in new]:
        return [*wrong, f"pictures {[p.shape for p in old]} are now {[p.shape for p in new]}"]
    apart = [float(np.abs(a - b).mean()) for a, b in zip(old, new, strict=True)]
    return [*wrong, *(f"a picture differs by {d:.1f} levels" for d in apart if not d <= LEVELS)]


def _near(a: str, b: str) -> bool:
    """Whether two printed numbers differ by rounding, or by one in the last digit. Whole numbers
    are the same."""
    first, second = (float(text.rstrip("%")) for text in (a, b))
    if "." not in a and not a.endswith("%"):
        return a == b
    unit = 10.0 ** -len(a.rstrip("%").partition(".")[2])
    return abs(first - second) <= ROUNDING * abs(first) + 1.001 * unit


if __name__ == "__main__":
    nbformat.write(executed(read()), NOTEBOOK)

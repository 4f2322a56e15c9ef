"""Files of pictures."""

from __future__ import annotations

from pathlib import Path

from kernels.storage.atomic import replacing


def write(path: str | Path, svg: str) -> None:
    """Write a picture under a temporary name and rename it; missing folders are created."""
    with replacing(path) as beside:
        beside.write_text(svg, encoding="utf-8", newline="\n")

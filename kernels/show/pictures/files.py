"""Files of pictures."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: str | Path, svg: str) -> None:
    """Write a picture under a temporary name and rename it; missing folders are created."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside_it = path.with_name(path.name + ".part")
    beside_it.write_text(svg, encoding="utf-8", newline="\n")
    os.replace(beside_it, path)

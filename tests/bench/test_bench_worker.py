"""Tests of a contender's worker process: the order of its imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import bench


def test_a_library_is_imported_before_the_kernels(tmp_path: Path) -> None:
    """`kernels` sets how OpenMP's idle threads wait; a library imported later would read it."""
    (tmp_path / "spy.py").write_text(
        "import sys\nraise RuntimeError('later' if 'kernels' in sys.modules else 'before')\n"
    )
    paths = [str(tmp_path), str(Path(bench.__file__).parents[1])]
    answer = subprocess.run(
        [sys.executable, "-m", "bench.worker"],
        input=json.dumps({"library": "spy", "ours": False}) + "\n",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "error RuntimeError: before\n"

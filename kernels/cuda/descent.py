"""A step of gradient descent with momentum on CUDA (`kernels/descent.py` has the formula).

One pass over a parameter: 20 bytes and 6 operations an element in float32, bound by memory. At an
A100's 1.5 TB/s, ZFNet's 62 million weights take at least 0.8 ms. Nothing is allocated, so a step
cannot fail half way for lack of memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.cuda.grids import blocks
from kernels.cuda.program import Program, ctype

BLOCK = 256
LANES = 4
"""Elements that a thread processes at a time, at most."""
PROGRAM = Program(__file__, entries=("descend<float>", "descend<double>"), block=(BLOCK, 1, 1))


def line(w: Any, v: Any, g: Any, lr: Any, momentum: Any, weight_decay: Any) -> None:
    """Change w and v in place: three flat arrays of one type, and settings that are its scalars."""
    if not w.size:
        return
    grid = (blocks(w.size, LANES * BLOCK),)
    settings = lr, momentum, weight_decay, np.int64(w.size)
    PROGRAM.launch(f"descend<{ctype(w.dtype)}>", grid, (BLOCK,), w, v, g, *settings)

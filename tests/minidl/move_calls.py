"""Good calls of operations that move elements, resize planes and standardise."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import Tensor


def of(*shape: int) -> Tensor:
    return Tensor(np.random.default_rng(0).uniform(0.5, 1.0, shape).astype(np.float32))


IMAGE = of(1, 4, 4, 4)
MOVES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "cat": (([of(2, 2), of(2, 2)], 1), {}),
    "chunk": ((of(2, 3), 2, 1), {}),
    "depth_to_space": ((IMAGE, 2, "CRD"), {}),
    "expand": ((of(1, 3), (2, -1)), {}),
    "flip": ((of(2, 3), (0, 1)), {}),
    "gather": ((of(2, 3), 1, np.array([[0, 1], [2, 0]])), {}),
    "group_norm": ((IMAGE, 2, of(4), of(4), 1e-5), {}),
    "index_select": ((of(2, 3), 1, [0, 2]), {}),
    "instance_norm": ((IMAGE, of(4), of(4), 1e-5), {}),
    "interpolate": ((IMAGE, (8, 8), None, "bilinear", False, None, True), {}),
    "layer_norm": ((of(2, 3), (3,), of(3), of(3), 1e-5), {}),
    "narrow": ((of(2, 6), 1, 1, 2), {}),
    "pad": ((IMAGE, (1, 1, 2, 2), "reflect", 0.0), {}),
    "permute": ((of(2, 3), (1, 0)), {}),
    "pixel_shuffle": ((IMAGE, 2), {}),
    "pixel_unshuffle": ((IMAGE, 2), {}),
    "repeat": ((of(2, 3), (2, 1)), {}),
    "resize": (
        (IMAGE, (8, 8), None, (2, 3), "cubic", "tf_crop_and_resize", "floor", -0.5, True, True,
         (0.0, 0.0, 1.0, 1.0), 0.0, "not_larger"), {},
    ),
    "roll": ((of(2, 3), (1, 1), (0, 1)), {}),
    "space_to_depth": ((IMAGE, 2, "CRD"), {}),
    "split": ((of(2, 3), [1, 2], 1), {}),
    "squeeze": ((of(1, 3), 0), {}),
    "standardise": ((of(2, 3), (0, 1), 1e-5), {}),
    "swapaxes": ((of(2, 3), 0, 1), {}),
    "take": ((of(2, 3), [[0, 1], [2, 0]], 1), {}),
    "unbind": ((of(2, 3), 1), {}),
    "unsqueeze": ((of(2, 3), 1), {}),
}  # fmt: skip
"""A good call of each function."""

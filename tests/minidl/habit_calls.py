"""Good calls of losses, batch normalisation, pooling to a size, and functions of labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import Tensor


def of(*shape: int) -> Tensor:
    return Tensor(np.random.default_rng(0).uniform(0.5, 1.0, shape).astype(np.float32))


LABELS = np.array([0, 2])
HABITS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "adaptive_avg_pool2d": ((of(1, 2, 5, 5), (2, 3)), {}),
    "adaptive_max_pool2d": ((of(1, 2, 5, 5), (2, 3)), {}),
    "batch_norm": ((of(2, 3, 2, 2), of(3), of(3), of(3), of(3), True, 0.1, 1e-5), {}),
    "binary_cross_entropy_with_logits": ((of(2, 3), of(2, 3), of(2, 3), "mean", of(3)), {}),
    "conv1d": ((of(1, 2, 6), of(2, 2, 3), of(2), 1, 1, 1, 1), {}),
    "embedding": ((LABELS, of(4, 3)), {}),
    "l1_loss": ((of(2, 3), of(2, 3), "mean"), {}),
    "mse_loss": ((of(2, 3), of(2, 3), "sum"), {}),
    "nll_loss": ((of(2, 3), LABELS, np.ones(3), -100, "none"), {}),
    "one_hot": ((LABELS, 3), {}),
}

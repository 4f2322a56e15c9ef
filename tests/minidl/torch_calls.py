"""Good calls of functions under PyTorch's names: running sums, scatter, distances, losses of two
tensors, gated activations, pooling of sequences, attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.minidl.habit_calls import of

PLACES = np.array([[0, 1], [1, 0]])
SEQUENCE = of(2, 3, 6)
PAIR = of(2, 3), of(2, 3)
TORCH: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "adaptive_avg_pool1d": ((SEQUENCE, 2), {}),
    "avg_pool1d": ((SEQUENCE, 2, 2, 0, False, True), {}),
    "binary_cross_entropy": ((*PAIR, of(2, 3), "mean"), {}),
    "ceil": ((of(2),), {}),
    "celu": ((of(2), 1.0), {}),
    "cosine_similarity": ((*PAIR, 1, 1e-8), {}),
    "cumprod": ((of(2, 3), 1), {}),
    "cumsum": ((of(2, 3), 1), {}),
    "diag": ((of(3, 3), 1), {}),
    "einsum": (("ij,jk->ik", of(2, 3), of(3, 2)), {}),
    "expm1": ((of(2),), {}),
    "glu": ((of(2, 4), 1), {}),
    "hardtanh": ((of(2), -1.0, 1.0), {}),
    "huber_loss": ((*PAIR, "mean", 1.0), {}),
    "kl_div": ((*PAIR, "batchmean", False), {}),
    "log10": ((of(2),), {}),
    "log1p": ((of(2),), {}),
    "log2": ((of(2),), {}),
    "logsigmoid": ((of(2),), {}),
    "logsumexp": ((of(2, 3), 1, False), {}),
    "max_pool1d": ((SEQUENCE, 2, 2, 0, 1), {}),
    "normalize": ((of(2, 3), 2.0, 1, 1e-12), {}),
    "pairwise_distance": ((*PAIR, 2.0, 1e-6, False), {}),
    "prod": ((of(2, 3), 1, False), {}),
    "remainder": ((of(2), of(2)), {}),
    "rms_norm": ((of(2, 3), (3,), of(3), 1e-5), {}),
    "rsqrt": ((of(2),), {}),
    "scaled_dot_product_attention": (
        (of(2, 3, 4), of(2, 5, 4), of(2, 5, 6), of(3, 5), 0.0, False, 1.0), {},
    ),
    "scatter": ((of(2, 3), 1, PLACES, of(2, 2)), {}),
    "scatter_add": ((of(2, 3), 1, PLACES, of(2, 2)), {}),
    "selu": ((of(2),), {}),
    "smooth_l1_loss": ((*PAIR, "mean", 1.0), {}),
    "softsign": ((of(2),), {}),
    "tril": ((of(3, 3), 1), {}),
    "triu": ((of(3, 3), 1), {}),
    "unfold": ((of(1, 2, 5, 5), 2, 1, 0, 1), {}),
}  # fmt: skip

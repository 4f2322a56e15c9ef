"""Cases of `differentiable` for functions under PyTorch's names; they fill CASES."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.verify.arrays import apart, small, standard
from minidl import functional as F
from tests.minidl.differentiable import CASES, Case, Draw, case, kinked, smooth

CASES |= {name: smooth(getattr(F, name)) for name in ("expm1", "logsigmoid")}
CASES |= {name: smooth(getattr(F, name), 0.5) for name in ("log2", "log10", "log1p", "rsqrt")}
# `apart` has odd multiples of an eighth: none of these functions' kinks and steps.
CASES |= {name: kinked(getattr(F, name)) for name in ("ceil", "selu", "celu", "softsign")}
CASES |= {"hardtanh": kinked(lambda x: F.hardtanh(x, -1.0, 1.5))}
CASES |= {"remainder": kinked(lambda x: F.remainder(x + 0.01, 0.5))}
TABLE: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "adaptive_avg_pool1d": (lambda x: F.adaptive_avg_pool1d(x, 2), ((2, 3, 5),)),
    "avg_pool1d": (lambda x: F.avg_pool1d(x, 3, 2, 1), ((2, 2, 6),)),
    "cosine_similarity": (F.cosine_similarity, ((2, 3), (2, 3))),
    "cumprod": (lambda x: F.cumprod(x, 1), ((2, 4),)),
    "cumsum": (lambda x: F.cumsum(x, 0), ((3, 2),)),
    "diag": (lambda x: F.diag(x, -1), ((3,),)),
    "diagonal of a matrix": (lambda x: F.diag(x, 1), ((3, 4),)),
    "einsum": (lambda x, y: F.einsum("bij,bjk->ik", x, y), ((2, 2, 3), (2, 3, 2))),
    "glu": (F.glu, ((2, 4),)),
    "logsumexp": (lambda x: F.logsumexp(x, (0, 1)), ((2, 3, 2),)),
    "normalize": (F.normalize, ((2, 3),)),
    "pairwise_distance": (F.pairwise_distance, ((2, 3), (2, 3))),
    "prod": (lambda x: F.prod(x, 1), ((2, 5),)),
    "rms_norm": (lambda x, w: F.rms_norm(x, (3,), w), ((2, 3), (3,))),
    "scaled_dot_product_attention": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        ((2, 3, 2), (2, 3, 2), (2, 3, 4)),
    ),
    "scatter": (lambda x, y: F.scatter(x, 1, [[0, 2], [2, 1]], y), ((2, 3), (2, 2))),
    "scatter_add": (lambda x, y: F.scatter_add(x, 1, [[0, 0], [2, 1]], y), ((2, 3), (2, 2))),
    "tril": (F.tril, ((2, 3, 3),)),
    "triu": (lambda x: F.triu(x, 1), ((3, 4),)),
    "unfold": (lambda x: F.unfold(x, 2, 2, 1, 1), ((1, 2, 4, 3),)),
}  # fmt: skip


def _of_table(name: str) -> Callable[[Draw, np.random.Generator], Case]:
    function, shapes = TABLE[name]
    return lambda draw, rng: (function, [standard(shape, rng) for shape in shapes])


CASES |= {name: _of_table(name) for name in TABLE}


@case("max_pool1d")
def _max_pool1d(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    size, stride = draw(small(1, 3)), draw(st.sampled_from([None, 1, 2]))
    return lambda x: function(x, size, stride), [apart((2, 2, 5), rng)]


@case("smooth_l1_loss", "huber_loss")
def _smooth(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    reduction, bend = (
        draw(st.sampled_from(["mean", "sum", "none"])),
        draw(st.sampled_from([0.3, 2])),
    )
    values = apart((2, 2, 3), rng)
    return lambda x, t: function(x, t, reduction, bend), [values[0], values[1] + 0.01]


@case("binary_cross_entropy", "kl_div")
def _of_chances(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    chances = rng.uniform(0.2, 0.8, (2, 2, 3))
    reduction = draw(st.sampled_from(["mean", "sum", "none"]))
    return lambda x, t: function(x, t, reduction=reduction), [chances[0], chances[1]]

"""Settings of PyTorch's that scripts set out of habit, as far as they have a meaning here."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minidl import dtypes

backends = SimpleNamespace(
    cudnn=SimpleNamespace(benchmark=False, deterministic=True, enabled=False),
    cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=False)),
)
"""`backends.cudnn.benchmark = True` and the like, which change nothing: there is no cuDNN, kernels
are chosen by their cost, and results are the same every time."""


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing: every kernel gives the same bits every time."""


def set_float32_matmul_precision(precision: str) -> None:
    """Nothing: products of float32 are computed in float32."""


def compile(model: Any, *settings: Any, **options: Any) -> Any:
    """The model itself: kernels are compiled already, and nothing else is."""
    return model


def get_default_dtype() -> np.dtype:
    """The type of new tensors, float32."""
    return dtypes.DEFAULT


def set_default_dtype(dtype: DTypeLike) -> None:
    """Nothing for float32, the only default; ValueError for others."""
    if dtypes.check(dtype, "set_default_dtype") != dtypes.DEFAULT:
        raise ValueError(
            f"set_default_dtype: new tensors are float32, not {np.dtype(dtype)}; give dtype= to "
            "what creates them, or convert a module or a tensor with .double()"
        )


class GradScaler:
    """PyTorch's scaler of losses for half precision; float32 needs none, and 1 is the factor."""

    def __init__(self, device: str = "cpu", *settings: Any, **options: Any) -> None:
        """The settings of the factor change nothing."""

    def scale(self, loss: Any) -> Any:
        """The loss itself."""
        return loss

    def unscale_(self, optimizer: Any) -> None:
        """Nothing: gradients are not scaled."""

    def step(self, optimizer: Any) -> Any:
        """The optimiser's step."""
        return optimizer.step()

    def update(self) -> None:
        """Nothing: the factor stays 1."""


def autocast(
    device_type: str = "cpu", dtype: Any = None, enabled: bool = True, **options: Any
) -> AbstractContextManager[None]:
    """Nothing with `enabled=False`; TypeError otherwise: no kernel computes in half precision."""
    if enabled:
        raise TypeError(
            "autocast: no kernel computes in half precision; leave it out, or give enabled=False"
        )
    return nullcontext()


amp = SimpleNamespace(autocast=autocast, GradScaler=GradScaler)
"""Mixed precision, as far as a script may leave its calls in place."""
channels_last, contiguous_format, preserve_format = (
    "channels_last", "contiguous_format", "preserve_format",
)  # fmt: skip
"""Values of `memory_format`."""

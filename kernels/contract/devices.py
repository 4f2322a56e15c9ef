"""Access to CuPy and its GPU, with errors that name what is missing."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

OLDEST = 70
"""The least compute capability of the kernels, times ten: Volta's."""

INSTEAD = 'without a GPU the emulator runs the same kernels: ask for it with device="emulator"'


class NoGPU(ValueError):
    """device="cuda" is not available; the message names what is missing and the remedy."""


def cupy() -> Any:
    """The module `cupy`, with a GPU that the kernels support; NoGPU names what is missing."""
    try:
        module = importlib.import_module("cupy")
    except ImportError as error:
        raise NoGPU(
            f'device "cuda" needs CuPy, which does not import here ({error}): pip install '
            f"'minidl-zfnet[cuda12]' or, with a driver for CUDA 13, 'minidl-zfnet[cuda13]'; "
            f"{INSTEAD}"
        ) from error
    _check_driver(module)
    _check_age(module)
    _check_precision()
    return module


def loaded() -> Any:
    """The module `cupy` if it is imported, else None: then it has no arrays."""
    return sys.modules.get("cupy")


def _check_driver(module: Any) -> None:
    try:
        count = module.cuda.runtime.getDeviceCount()
    except module.cuda.runtime.CUDARuntimeError as error:
        raise NoGPU(
            f"CuPy is installed and finds no GPU ({error}): install NVIDIA's driver, one for the "
            f"CUDA version of the CuPy package (nvidia-smi shows both); {INSTEAD}"
        ) from error
    if count == 0:
        raise NoGPU(f"CuPy is installed and finds no GPU (is CUDA_VISIBLE_DEVICES set?); {INSTEAD}")


def _check_age(module: Any) -> None:
    capability = str(module.cuda.Device().compute_capability)
    if int(capability) < OLDEST:
        raise NoGPU(
            f"the GPU is of compute capability {capability[:-1]}.{capability[-1]}, and the kernels "
            f"need {OLDEST // 10}.{OLDEST % 10} (Volta, 2017) or later: choose another one with "
            f"CUDA_VISIBLE_DEVICES; {INSTEAD}"
        )


def _check_precision() -> None:
    """Refuse CUPY_TF32, which CuPy reads on import: products are in full float32."""
    if os.environ.get("CUPY_TF32", "0") not in ("", "0"):
        raise NoGPU(
            f"CUPY_TF32={os.environ['CUPY_TF32']} rounds the factors of every matrix product to "
            "TF32, 11 bits, where float32 is promised: unset it"
        )

"""Check that the installed PyTorch can use this machine's GPU, and the build that could."""

from __future__ import annotations

from kernels.contract import devices

CUDA_12, CUDA_13 = "cu126", "cu130"
"""PyTorch's names of its CUDA builds."""
INDEX = "https://download.pytorch.org/whl"


def torch_without_gpu() -> str:
    """Why PyTorch cannot use the GPU that CuPy found, and what to install; "" if it can."""
    import torch

    if torch.version.cuda is None:
        return f"torch {torch.__version__} computes on the CPU alone: {_advice()}"
    if torch.cuda.is_available():
        return ""
    return (
        f"torch {torch.__version__} is for CUDA {torch.version.cuda} and finds no GPU, where CuPy "
        f"does: {_advice()}"
    )


def _advice() -> str:
    version = devices.cupy().cuda.runtime.driverGetVersion()
    build = CUDA_12 if version < 13000 else CUDA_13
    return (
        f"the driver serves CUDA up to {version // 1000}.{version % 1000 // 10}, so pip install "
        f"--force-reinstall torch --index-url {INDEX}/{build}"
    )

"""A small autograd engine whose every multiplication can be read: see `kernels`."""

from __future__ import annotations

from pathlib import Path

import kernels


def _check_sibling() -> None:
    """Another package on PyPI is named `kernels` too; say so before anything fails oddly."""
    ours, found = Path(__file__).resolve().parent.parent, Path(kernels.__file__ or "?").resolve()
    if found.parent.parent != ours:
        raise ImportError(
            f"minidl needs its own package `kernels` beside it in {ours}, but Python found "
            f"{found}. Uninstall the other one (`pip uninstall kernels`), install this project "
            "again (`pip install -e .`), or start Python where no `kernels` shadows it."
        )


_check_sibling()

import minidl.operators  # noqa: E402, F401  (gives Tensor its operators)
from kernels.contract.threads import get_num_threads, set_num_threads  # noqa: E402
from minidl import device, functional, init, nn, optim, rules, serialize  # noqa: E402
from minidl.backward_pass import backward  # noqa: E402
from minidl.exchange import from_dlpack  # noqa: E402
from minidl.formats.onnx import load_onnx  # noqa: E402
from minidl.formats.torch_module import from_torch  # noqa: E402
from minidl.gradient_check import check_vjp  # noqa: E402
from minidl.memory import empty_cache  # noqa: E402
from minidl.recording import no_grad  # noqa: E402
from minidl.tensor import Tensor  # noqa: E402
from minidl.tuning import autotune, exact  # noqa: E402

__all__ = [
    "Tensor",
    "autotune",
    "backward",
    "check_vjp",
    "device",
    "empty_cache",
    "exact",
    "from_dlpack",
    "from_torch",
    "functional",
    "get_num_threads",
    "init",
    "load_onnx",
    "nn",
    "no_grad",
    "optim",
    "rules",
    "serialize",
    "set_num_threads",
]

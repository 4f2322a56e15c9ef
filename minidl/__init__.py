"""Autograd engine with PyTorch's names, on the readable arithmetic of `kernels`."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernels

if TYPE_CHECKING:
    from minidl.formats.onnx import load_onnx
    from minidl.formats.torch_module import from_torch


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

import minidl.operators  # noqa: E402  (gives Tensor its operators)
import minidl.plan  # noqa: E402, F401  (gives networks their plans)
from kernels.contract.threads import get_num_threads, set_num_threads  # noqa: E402
from minidl import (  # noqa: E402
    autograd,
    creation,
    cuda,
    data,
    device,
    functional,
    init,
    linalg,
    names,
    nn,
    optim,
    rules,
    serialize,
)
from minidl.backward_pass import backward  # noqa: E402
from minidl.creation import (  # noqa: E402
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    normal,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    tensor,
    zeros,
    zeros_like,
)
from minidl.dtypes import (  # noqa: E402
    bool_,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from minidl.exchange import from_dlpack  # noqa: E402
from minidl.functional.attention import einsum  # noqa: E402
from minidl.gradient_check import check_vjp  # noqa: E402
from minidl.memory import empty_cache  # noqa: E402
from minidl.names import (  # noqa: E402
    addmm,
    allclose,
    baddbmm,
    bernoulli,
    broadcast_to,
    cat,
    equal,
    is_tensor,
    maximum,
    meshgrid,
    minimum,
    multinomial,
    outer,
    stack,
    where,
)
from minidl.randomness import Generator, default_rng, manual_seed  # noqa: E402
from minidl.recording import (  # noqa: E402
    enable_grad,
    inference_mode,
    is_recording,
    no_grad,
    set_grad_enabled,
)
from minidl.saving import load, save  # noqa: E402
from minidl.settings import (  # noqa: E402
    amp,
    autocast,
    backends,
    channels_last,
    compile,
    contiguous_format,
    get_default_dtype,
    preserve_format,
    set_default_dtype,
    set_float32_matmul_precision,
    use_deterministic_algorithms,
)
from minidl.tensor import Tensor  # noqa: E402
from minidl.tuning import autotune, exact  # noqa: E402

globals().update(names.FUNCTIONS)  # sum, exp, argmax, ...: Tensor's methods as functions
float = float32  # PyTorch's names, for `minidl.float` alone
double, long, int, bool = float64, int64, int32, bool_
is_grad_enabled = is_recording
FloatTensor, DoubleTensor, LongTensor = (
    partial(tensor, dtype=kind) for kind in (float32, float64, int64)
)
__version__ = "0.1.0"


_ON_DEMAND = {
    "load_onnx": "minidl.formats.onnx",
    "from_torch": "minidl.formats.torch_module",
}
"""Functions whose modules are imported when they are asked for: most programs read no such file."""

if not TYPE_CHECKING:  # a checker then knows the names that there are

    def __getattr__(name: str) -> Any:
        """Readers of files, and types of half precision, which are refused in a sentence."""
        if name in _ON_DEMAND:
            return getattr(import_module(_ON_DEMAND[name]), name)
        if name in ("float16", "bfloat16", "half"):
            raise AttributeError(f"minidl.{name}: no kernel computes in it; use float32")
        raise AttributeError(f"module 'minidl' has no attribute {name!r} (docs/pytorch.md)")


__all__ = [
    *names.METHODS,
    "DoubleTensor",
    "FloatTensor",
    "Generator",
    "LongTensor",
    "Tensor",
    "addmm",
    "allclose",
    "amp",
    "arange",
    "as_tensor",
    "autocast",
    "autograd",
    "autotune",
    "backends",
    "baddbmm",
    "backward",
    "bernoulli",
    "bool",
    "broadcast_to",
    "cat",
    "channels_last",
    "check_vjp",
    "compile",
    "contiguous_format",
    "creation",
    "cuda",
    "data",
    "default_rng",
    "device",
    "double",
    "einsum",
    "empty",
    "empty_cache",
    "empty_like",
    "enable_grad",
    "equal",
    "exact",
    "eye",
    "float",
    "float32",
    "float64",
    "from_dlpack",
    "from_numpy",
    "from_torch",
    "full",
    "full_like",
    "functional",
    "get_default_dtype",
    "get_num_threads",
    "inference_mode",
    "init",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "is_grad_enabled",
    "is_tensor",
    "linalg",
    "linspace",
    "load",
    "load_onnx",
    "long",
    "manual_seed",
    "maximum",
    "meshgrid",
    "minimum",
    "multinomial",
    "nn",
    "no_grad",
    "normal",
    "ones",
    "ones_like",
    "optim",
    "outer",
    "preserve_format",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "rules",
    "save",
    "serialize",
    "set_default_dtype",
    "set_float32_matmul_precision",
    "set_grad_enabled",
    "set_num_threads",
    "stack",
    "tensor",
    "uint8",
    "use_deterministic_algorithms",
    "where",
    "zeros",
    "zeros_like",
]

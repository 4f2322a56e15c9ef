"""Import of a live PyTorch module, through PyTorch's own exporter to ONNX, in memory."""

from __future__ import annotations

import io
import warnings
from typing import Any

from minidl.formats.onnx.importing import load_onnx
from minidl.formats.onnx.reading import LIMIT
from minidl.nn.graph import Graph

OPSET = 17
"""Old enough for the exporter, and the first with LayerNormalization."""
IMAGE, SCORES, BATCH = "image", "scores", "N"


def from_torch(module: Any, example: Any, *, fold: bool = False) -> Graph:
    """The layers of a `torch.nn.Module` in inference, for a batch of any size.

    module:  it is exported as `module.eval()` computes, and keeps its own mode; its weights are
             copied.
    example: a tensor of images (N,C,H,W) of float32, as it takes them; of their values only the
             shape counts.
    fold:    fold batch normalisation into the convolution before it.

    Names of layers are those of the exporter's nodes: "/features/features.0/Conv". A module that
    gives several tensors gives the first of them here.
    ImportError without the packages torch and onnx; TypeError for something else than a module and
    a tensor; ValueError for a module that cannot be exported, or whose layers there are none of,
    with all of them named (`load_onnx`).
    """
    torch = _torch()
    if not isinstance(module, torch.nn.Module) or not isinstance(example, torch.Tensor):
        raise TypeError(
            f"from_torch: takes a torch.nn.Module and a tensor of images, got a "
            f"{type(module).__name__} and a {type(example).__name__}"
        )
    if example.ndim != 4 or not example.is_floating_point():
        raise ValueError(
            f"from_torch: the example must be images (N, C, H, W) of floats, got "
            f"{tuple(example.shape)} of {example.dtype}"
        )
    weights = sum(p.numel() * p.element_size() for p in module.parameters())
    if weights >= LIMIT:
        raise ValueError(
            f"from_torch: the module has {weights:,} bytes of weights, and a model in memory ends "
            f"below {LIMIT:,}; write it to a file with torch.onnx.export and read it with load_onnx"
        )
    return load_onnx(_exported(torch, module, example), fold=fold)


def _torch() -> Any:
    try:
        import torch
        import torch.onnx
    except ImportError as error:
        raise ImportError(f"from_torch needs the package torch ({error}): pip install torch") from (
            None
        )
    return torch


def _exported(torch: Any, module: Any, example: Any) -> bytes:
    """The module as an ONNX file's bytes, by the exporter that needs no other package."""
    written, training = io.BytesIO(), [each.training for each in module.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one operation, which is not exported
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(), (example,), written, dynamo=False, opset_version=OPSET,
                input_names=[IMAGE], output_names=[SCORES], dynamic_axes={IMAGE: {0: BATCH}},
            )  # fmt: skip
    except Exception as error:  # whatever the module or the exporter raises
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            f"from_torch: PyTorch cannot export this {type(module).__name__} for images "
            f"{tuple(example.shape)}: {reason}"
        ) from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for each, mode in zip(module.modules(), training, strict=True):
            each.training = mode
    return written.getvalue()

"""Prepared weights of convolutions (packed, transformed), cached while the weights are unchanged.

A convolution's kernel may first bring its weights into a form of its own. In inference weights do
not change from call to call, so this is done once for each parameter and kernel. A parameter's
`version` says whether they have changed: by `assign`, an optimiser, `data = ...`, or NumPy,
through whatever view of their memory (`minidl/versions.py`). While a tape is recorded nothing is
cached: the next step changes the weights, and the copies would only take memory from training.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kernels import pick_for
from kernels.contract.geometry import ConvGeometry
from kernels.contract.registry import Kernel
from minidl.identity import ByIdentity
from minidl.recording import is_recording
from minidl.tensor import Tensor

_kept: ByIdentity[tuple[int, dict[Any, Any]]] = ByIdentity()


def choose(
    operation: str, w: Tensor, g: ConvGeometry, algorithm: str | None = None
) -> tuple[Kernel, dict[str, Any]]:
    """The kernel for weights w, and its options: {"prepared": ...} for a parameter in inference,
    whose prepared form is cached."""
    keep = w.is_parameter and not is_recording()
    kernel = pick_for(operation, w._array, g, algorithm, prepared=keep)
    if kernel.prepare is None or not keep:
        return kernel, {}
    version = w.version  # read before the weights are: a later change gives another one
    kept, made = _kept.get(w, (-1, {}))
    if kept != version:
        made = {}
        _kept[w] = (version, made)
    key = operation, kernel.device, kernel.name, replace(g, N=1)
    if key not in made:
        # of a linear layer's weights too: (K,F) -> (K,F,1,1), the same memory
        made[key] = kernel.prepared(w._array.reshape(g.w_shape), g)
    return kernel, {"prepared": made[key]}


def forget() -> None:
    """Clear the cache."""
    _kept.clear()

"""What kernels make of weights alone, kept while the weights stay as they are.

A convolution's kernel may first bring its weights into a form of its own (packed, transformed). In
inference they do not change from call to call, so that is done once for each parameter and kernel.
A parameter's `version` counts its changes: whoever writes into its array goes through `assign`, as
the optimisers do. While a tape is recorded nothing is kept, since the next step changes the weights
and the copies would cost training its memory.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from kernels import pick_for
from kernels.contract.geometry import ConvGeometry
from kernels.contract.registry import Kernel
from minidl.recording import is_recording
from minidl.tensor import Tensor

_kept: WeakKeyDictionary[Tensor, tuple[int, dict[Any, Any]]] = WeakKeyDictionary()


def choose(
    operation: str, w: Tensor, g: ConvGeometry, algorithm: str | None = None
) -> tuple[Kernel, dict[str, Any]]:
    """The kernel for weights w, and the options to call it with: {"prepared": ...} for a parameter
    in inference, of which what the kernel prepares is kept."""
    keep = w.is_parameter and not is_recording()
    kernel = pick_for(operation, w.data, g, algorithm, prepared=keep)
    if kernel.prepare is None or not keep:
        return kernel, {}
    version, made = _kept.get(w, (-1, {}))
    if version != w.version:
        made = {}
        _kept[w] = (w.version, made)
    key = operation, kernel.device, kernel.name, replace(g, N=1)
    if key not in made:
        made[key] = kernel.prepared(w.data, g)
    return kernel, {"prepared": made[key]}


def forget() -> None:
    """Drop everything kept."""
    _kept.clear()

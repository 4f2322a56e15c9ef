"""Backward pass that hands out each leaf's gradient as soon as it is complete.

A leaf's gradient is complete after the first node, in the order of the forward pass, that used it.
Layers near the output come first, so that their gradients can be sent to other processes while
those of earlier layers are still computed (Li et al. 2020, PyTorch Distributed, section 3.2.3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backward_pass import apply_rule, nodes_on_paths
from minidl.recording import recording
from minidl.rules import gradient
from minidl.tensor import Tensor


def backward_by_leaf(loss: Tensor, ready: Callable[[Tensor, Tensor], None]) -> None:
    """Call ready(leaf, gradient) once for each leaf that `loss`, a scalar, depends on.

    The gradients are those that `loss.backward()` would add to `leaf.grad`, bit for bit, to be read
    and not changed: their memory may be that of another one. No `.grad` is changed. ValueError if
    the loss has more than one element, RuntimeError if it is not on the tape.
    """
    if loss.size != 1:
        raise ValueError(f"backward_by_leaf: the loss must have one element, got {loss.shape}")
    nodes, needed = nodes_on_paths(loss, None)
    uses = Counter(k for node in nodes for k in node.keys if isinstance(k, Tensor) and k in needed)
    cotangents: dict[Any, Tensor] = {loss.node or loss: Tensor(np.ones_like(loss._array))}
    with recording(False):
        for node in reversed(nodes):
            gy = cotangents.pop(node, None)
            if gy is not None:
                apply_rule(node, gy, gradient, needed, cotangents)
            for key in node.keys:
                if isinstance(key, Tensor) and key in uses:
                    uses[key] -= 1
                    if uses[key] == 0 and key in cotangents:
                        ready(key, cotangents.pop(key))

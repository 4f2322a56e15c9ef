"""Inference plans: a network without the tape, decided once for a shape of its input.

A forward pass of many small layers spends much of its time on what is the same every time: checks,
the choice of kernels, views, memory. A plan makes these decisions once (`network.py`): which layers
are computed together (`fusion.py`), by which kernel, and where each result is stored (`arena.py`).
A run is then the compiled calls, one after the other.

    with minidl.no_grad():
        y = network(x)      # layer by layer, and the shape is noted
        y = network(x)      # a plan is made, and runs from now on

The results are those of the layers one by one, bit for bit, by the same kernels. Nothing else knows
of plans: the tape, training, `activations` and networks with hooks run layer by layer. A plan is
dropped when a layer, a setting or a weight has changed.
"""

from __future__ import annotations

from minidl.plan.cache import forget as forget
from minidl.plan.cache import planned as planned

"""GoogLeNet forward: a network whose layers branch and join (`bench/googlenet.py`).

As in `networks.py`, minidl runs it as for any user, and the error bound follows from the definition
with noise as large as rounding (`bench/definition/branches.py`).
"""

from __future__ import annotations

import numpy as np

from bench import onnx_runtime
from bench.cases import Case
from bench.definition.branches import Branches
from bench.definition.chain import SEED, step_of
from bench.googlenet import googlenet
from bench.network_layers import Branching
from bench.operations.networks import Forward
from bench.operations.operation import Call, generator, operation
from minidl import nn


@operation
class GoogLeNetForward(Forward):
    """Logits of normal images through branches that join, dropout off."""

    name = "googlenet_forward"
    layer = Branching

    def model(self, case: Case) -> nn.Graph:
        net = case.layer
        assert isinstance(net, Branching)
        return googlenet(net.width, net.classes, generator())

    def chains(self, case: Case, tf32: bool = False) -> tuple[Branches, Branches]:
        model = self.model(case)
        joins = nn.Concatenate
        of = {n: None if type(la) is joins else step_of(la) for n, la in model.children()}
        wires = model.wiring(), model.output
        return Branches(of, *wires), Branches(of, *wires, np.random.default_rng(SEED), tf32)

    def onnxruntime(self, case: Case, threads: int) -> Call:
        return onnx_runtime.of_graph(self.model(case), self.inputs(case), threads)

"""Activation functions, softmax and group normalisation, and their gradients.

Bounded by memory, if exp and erf are vectorised. The error bounds are those of `kernels/verify`,
twice: a library rounds as often.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from bench import onnx_runtime
from bench.cases import Case
from bench.layers import Activated, Attended, Grouped
from bench.onnx_runtime import Node
from bench.operations.operation import (
    Call,
    Inputs,
    KernelOperation,
    Output,
    Part,
    Tensors,
    at_most,
    generator,
    normal,
    operation,
)
from kernels import named
from kernels.contract.activation_geometry import ActivationGeometry
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.definition.groups import Groups
from kernels.verify.calls import Call as Judged
from kernels.verify.calls import make
from minidl import device as devices

ONNX = {"gelu": "Gelu", "hardswish": "HardSwish", "sigmoid": "Sigmoid"}
"""Functions that are one operator; SiLU is a product with a sigmoid."""


class Rowwise(KernelOperation):
    """x of one shape, mapped to y of the same; the bound is that of the property suite."""

    libraries: ClassVar[tuple[str, ...]] = ("torch", "onnxruntime")
    kernel_name: str

    def shape(self, case: Case) -> tuple[int, ...]:
        raise NotImplementedError

    def bytes(self, case: Case) -> int:
        return 8 * int(np.prod(self.shape(case)))

    def inputs(self, case: Case) -> Inputs:
        return {"x": normal(self.shape(case), generator())}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.shape(case))]

    def options(self, case: Case) -> Inputs:
        """Optional arrays of the call."""
        return {}

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        judged = Judged(self.kernel, self.geometry(case), self.inputs(case), self.options(case))
        (y,), (bound,) = (
            judged.its.in_float64(judged),
            judged.bound(named(self.kernel, self.kernel_name)),
        )
        yield Part(0, ..., y, at_most(2 * np.asarray(bound)))


@operation
class Activation(Rowwise):
    name = kernel = "activation"
    kernel_name, layer = "elementwise", Activated

    def geometry(self, case: Case) -> ActivationGeometry:
        assert isinstance(case.layer, Activated)
        return case.layer.geometry(case.batch)

    def shape(self, case: Case) -> tuple[int, ...]:
        return self.geometry(case).shape

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        name = self.geometry(case).function
        function = getattr(torch, name, None) or getattr(torch.nn.functional, name)
        return Call(lambda: function(tensors["x"]))

    def onnxruntime(self, case: Case, threads: int) -> Call:
        name = self.geometry(case).function
        nodes = [Node(ONNX.get(name, "Sigmoid"), ("x",), ("y",))]
        if name == "silu":
            nodes.append(Node("Mul", ("x", "y"), ("z",)))
        return onnx_runtime.call(nodes, self.inputs(case), {}, threads)


@operation
class Softmax(Rowwise):
    name = kernel = "softmax"
    kernel_name, layer = "rows", Attended

    def geometry(self, case: Case) -> tuple[int, int, int]:
        assert isinstance(case.layer, Attended)
        return case.layer.shape(case.batch)

    def shape(self, case: Case) -> tuple[int, ...]:
        return self.geometry(case)

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        return Call(lambda: tensors["x"].softmax(-1))

    def onnxruntime(self, case: Case, threads: int) -> Call:
        node = Node("Softmax", ("x",), ("y",), {"axis": -1})
        return onnx_runtime.call([node], self.inputs(case), {}, threads)


@operation
class GroupNorm(Rowwise):
    """With a weight and a bias for each channel; PyTorch computes rows by its layer_norm."""

    name = kernel = "group_norm"
    kernel_name, layer = "planes", Grouped

    def geometry(self, case: Case) -> GroupNormGeometry:
        assert isinstance(case.layer, Grouped)
        return case.layer.geometry(case.batch)

    def shape(self, case: Case) -> tuple[int, ...]:
        return self.geometry(case).x_shape

    def options(self, case: Case) -> Inputs:
        rng, C = np.random.default_rng(1), self.geometry(case).C
        return {name: rng.standard_normal(C).astype(np.float32) for name in ("weight", "bias")}

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:

        kernel = named(self.kernel, name, "cpu" if device == "cpu" else "cuda")
        arguments = self.arguments(case, device)
        options = {key: devices.move(a, device) for key, a in self.options(case).items()}
        return Call(lambda: kernel(*arguments, **options)[0])

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        g, F, x = self.geometry(case), torch.nn.functional, tensors["x"]
        scales = [torch.from_numpy(a).to(x.device) for a in self.options(case).values()]
        if g.L == g.groups == 1:
            return Call(lambda: F.layer_norm(x, (g.C,), *scales, g.eps))
        # (N,L,C) -> (N,C,L,1) channels-last, or made row-major, whichever is faster
        planes = x.transpose(1, 2)[..., None]
        if layout is not torch.channels_last:
            planes = planes.contiguous()
        return Call(
            lambda: F.group_norm(planes, g.groups, *scales, g.eps),
            lambda y: (y[..., 0].transpose(1, 2),),
        )

    def onnxruntime(self, case: Case, threads: int) -> Call:
        """LayerNormalization of rows, GroupNormalization of planes (N,C,L)."""
        g, x, scales = self.geometry(case), self.inputs(case)["x"], self.options(case)
        if g.L == g.groups == 1:
            settings = {"axis": -1, "epsilon": g.eps}
            node = Node("LayerNormalization", ("x", "weight", "bias"), ("y",), settings)
            return onnx_runtime.call([node], {"x": x}, scales, threads)
        settings = {"num_groups": g.groups, "epsilon": g.eps}
        node = Node("GroupNormalization", ("x", "weight", "bias"), ("y",), settings)
        rows = np.ascontiguousarray(x.transpose(0, 2, 1))  # (N,L,C) -> (N,C,L)
        found = onnx_runtime.call([node], {"x": rows}, scales, threads)
        return Call(found.timed, lambda y: (y[0].transpose(0, 2, 1),))  # (N,C,L) -> (N,L,C)


class Gradient(Rowwise):
    """The gradient with respect to x; its operands are those of the property suite."""

    libraries = ()

    def inputs(self, case: Case) -> Inputs:
        return make(self.kernel, self.geometry(case), "normal", 7, np.float32).inputs

    def options(self, case: Case) -> Inputs:
        return {}

    def bytes(self, case: Case) -> int:
        return 12 * int(np.prod(self.shape(case)))


@operation
class ActivationVjp(Gradient, Activation):
    name = kernel = "activation_vjp"


@operation
class SoftmaxVjp(Gradient, Softmax):
    name = kernel = "softmax_vjp"


@operation
class GroupNormVjp(Gradient, GroupNorm):
    name = kernel = "group_norm_vjp"

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        """With what the forward kernel saved, as the definition has it."""
        kernel = named(self.kernel, name, "cpu" if device == "cpu" else "cuda")
        gy, x, g = self.arguments(case, device)
        parts = Groups(self.inputs(case)["x"], g)
        # (N,1,groups,1) -> (N,groups)
        saved = (a.reshape(g.saved_shape).copy() for a in (parts.mean, parts.scale))
        moments = tuple(devices.move(a, device) for a in saved)
        return Call(lambda: kernel(gy, x, moments, g))

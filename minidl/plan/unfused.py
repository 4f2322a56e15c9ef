"""Epilogues of steps, and steps that run as their layers do without a plan."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call
from kernels.cpu import epilogue as epilogues
from kernels.cpu.epilogue import Epilogue, epilogue
from minidl.nn.module import Module
from minidl.plan.fusion import Activation, Step
from minidl.plan.places import Places, alike, flat
from minidl.tensor import Tensor, plain


def epilogue_of(step: Step, places: Places, y: np.ndarray) -> Epilogue | None:
    """What follows the first layer of the step; None if nothing does."""
    if step.activation is None and step.residual is None:
        return None
    residual = None if step.residual is None else memory.flat(places[step.residual])
    f = step.activation or Activation("identity")
    return epilogue(f.function, y.dtype, residual, f.alpha, f.beta)


def unfused(step: Step, places: Places, y: np.ndarray) -> tuple[Call, ...]:
    """The first layer itself, on tensors of its inputs' memory; then what follows it, in place."""
    inputs = [plain(places[name]) for name in step.inputs]
    calls: list[Call] = [partial(_call, step.layers[0], inputs, y)]
    residual = None if step.residual is None else places[step.residual]
    if residual is not None and not alike(y, residual):
        calls.append(partial(np.add, y, residual, out=y))
        step = replace(step, residual=None)
    after = epilogue_of(step, places, y)
    if after is not None:
        calls.append(epilogues.bind(flat(y), flat(y), after))
    return tuple(calls)


def _call(layer: Module, inputs: list[Tensor], y: np.ndarray) -> None:
    y[...] = layer(*inputs)._array

"""Steps of a plan bound to kernels and memory: a table of layers, and the calls of each.

A layer that is not in the table runs as it does without a plan, and its result is copied to its
place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from itertools import accumulate
from typing import Any, cast

import numpy as np

import kernels
from kernels.concatenate import lines as concatenation
from kernels.contract import memory
from kernels.contract.bound import Call, Options
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.kernel import Kernel
from kernels.contract.stage_geometry import StageGeometry
from kernels.conv2d.winograd_1d import bind_pooled
from kernels.cpu import epilogue as epilogues
from kernels.cpu import scaled
from kernels.cpu.epilogue import Epilogue, epilogue
from minidl import nn
from minidl.functional.fused import settings_of
from minidl.plan.arena import Arena, Shape
from minidl.plan.fusion import Activation, Step, activation_of, along_channels
from minidl.prepared_weights import choose
from minidl.tensor import Tensor, plain


class Places:
    """Where each result is stored.

    shapes: of each result.
    placed: results that are channels of a concatenation, its name, and their first channel.
    """

    def __init__(
        self,
        arena: Arena,
        shapes: Mapping[str, Shape],
        placed: Mapping[str, tuple[str, int]] | None = None,
    ) -> None:
        self.arena, self._shapes, self._placed = arena, shapes, placed or {}
        self._arrays = dict[str, np.ndarray]()
        self._owner = dict[str, str]()
        self._readers = dict[str, int]()
        self._scratch = list[np.ndarray]()

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def new(self, name: str) -> np.ndarray:
        """Memory for a result; of one that is placed, its channels of the whole."""
        if name in self._arrays:
            return self._arrays[name]
        if name in self._placed:
            whole, first = self._placed[name]
            channels = slice(first, first + self._shapes[name].shape[1])
            return self.view(name, whole, self.new(whole)[:, channels])
        like = self._shapes[name]
        array = self.arena.take(like.shape, like.dtype, like.layout)
        return self.view(name, name, array)

    def view(self, name: str, of: str, array: np.ndarray) -> np.ndarray:
        """Note that a result is this array, in the memory of another one."""
        owner = self._owner.get(of, of)
        self._arrays[name], self._owner[name] = array, owner
        self._readers[owner] = self._readers.get(owner, 0) + 1
        return array

    def is_placed(self, name: str) -> bool:
        """Whether the result is in its place of a concatenation."""
        return name in self._placed

    def is_last(self, name: str) -> bool:
        """Whether no other result is in the same memory."""
        return self._readers[self._owner[name]] == 1

    def scratch(self, shape: Any, dtype: Any, layout: str = "C") -> np.ndarray:
        """Memory that the step needs while it runs."""
        self._scratch.append(self.arena.take(shape, dtype, layout))
        return self._scratch[-1]

    def end_of_step(self, dying: Collection[str]) -> None:
        """The step is bound; nothing later reads the results `dying`."""
        for array in self._scratch:
            self.arena.release(array)
        self._scratch.clear()
        for name in dying:
            owner = self._owner[name]
            self._readers[owner] -= 1
            if self._readers[owner] == 0:
                self.arena.release(self._arrays[owner])


def bind(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...]:
    """The calls of a step; `dying`: results that nothing later reads."""
    maker = _MAKERS.get(type(step.layers[0]))
    if maker is not None:
        calls = maker(step, places, dying)
        if calls is not None:
            return calls
    return _unfused(step, places, places.new(step.output))


Maker = Callable[[Step, Places, Collection[str]], "tuple[Call, ...] | None"]


def _call(layer: nn.Module, inputs: list[Tensor], y: np.ndarray) -> None:
    y[...] = layer(*inputs)._array


def _convolution(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...]:
    layer = cast(nn.Conv2d, step.layers[0])
    x = places[step.inputs[0]]
    weight, bias = layer.weight, None if layer.bias is None else layer.bias._array
    g = ConvGeometry.of(x.shape, weight.shape, *settings_of(layer.settings))
    kernel, kept = choose("conv2d", weight, g)
    if step.pooling is not None:
        return _pooled(step, places, kernel, x, g, Options(bias, True, kept.get("prepared")))
    y = places.new(step.output)
    able, here = kernel.abilities, y
    bound = able.bind is not None and memory.takes_results(x)
    if not memory.takes_results(y) and not (bound and able.wide):
        here = places.scratch(y.shape, y.dtype, "NHWC")
    rectify = step.residual is None and _is_relu(step.activation) and kernel.rectifies
    after = None if rectify else _epilogue(step, places, y)
    options = Options(bias, rectify, kept.get("prepared"), after, places.scratch)
    if able.bind is not None and bound:
        calls: list[Call] = [able.bind(x, weight._array, g, here, options)]
    else:
        asked = {"bias": bias, **kept} | ({"rectify": True} if rectify else {})
        calls = [partial(_write, kernel, (x, weight._array, g), asked, here)]
        if after is not None:
            calls.append(epilogues.bind(memory.flat(here), memory.flat(here), after))
    if here is not y:
        calls.append(partial(np.copyto, y, here))
    return tuple(calls)


def _pooled(
    step: Step, places: Places, kernel: Kernel, x: np.ndarray, g: ConvGeometry, options: Options
) -> tuple[Call, ...]:
    """Convolution, ReLU and max-pooling, by the kernels that run without a plan."""
    layer, pooling = cast(nn.Conv2d, step.layers[0]), step.pooling
    assert pooling is not None
    p = PoolGeometry.of(g.y_shape, **pooling.settings)
    stage = StageGeometry(g, p, kernel.name)
    fused = kernels.pick_for("conv_relu_pool", x, stage)
    y, w = places.new(step.output), layer.weight._array
    switches = places.scratch(p.y_shape, np.int32, "NHWC")
    allocated = Options(options.bias, True, options.prepared, None, places.scratch)
    if fused.name == "one_pass" and kernel.name == "winograd_1d":
        return (bind_pooled(x, w, g, p, (y, switches), allocated),)
    max_pool = kernels.pick_for("max_pool2d", x, p)
    if kernel.abilities.bind is None or not max_pool.into or not kernel.rectifies:
        asked = {"bias": options.bias}
        asked |= {} if options.prepared is None else {"prepared": options.prepared}
        return (partial(_write, fused, (x, w, stage), asked, (y, switches)),)
    planes = places.scratch(g.y_shape, x.dtype, "NHWC")
    convolve = kernel.abilities.bind(x, w, g, planes, allocated)
    return convolve, partial(max_pool.function, planes, p, out=(y, switches))


def _write(kernel: Kernel, operands: Any, options: Any, out: Any) -> None:
    """A kernel's result into `out`."""
    made = kernel(*operands, **options)
    if isinstance(out, tuple):
        for place, result in zip(out, made, strict=True):
            place[...] = result
    else:
        out[...] = made


def _epilogue(step: Step, places: Places, y: np.ndarray) -> Epilogue | None:
    """What follows the first layer of the step; None if nothing does."""
    if step.activation is None and step.residual is None:
        return None
    residual = None if step.residual is None else memory.flat(places[step.residual])
    f = step.activation or Activation("identity")
    return epilogue(f.function, y.dtype, residual, f.alpha, f.beta)


def _is_relu(activation: Activation | None) -> bool:
    return activation is not None and activation.function == "relu"


def _sum(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    f = step.activation or Activation("identity")
    y = places.new(step.output)
    inputs = [places[name] for name in step.inputs]
    if len(inputs) != 2 or any(not _alike(y, each) for each in inputs):
        return _unfused(step, places, y)
    after = epilogue(f.function, y.dtype, _flat(inputs[1]), f.alpha, f.beta)
    return (epilogues.bind(_flat(inputs[0]), _flat(y), after),)


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether both have their elements in the same order, without gaps."""
    packed = a.flags.c_contiguous or (a.ndim == 4 and memory.nhwc(a).flags.c_contiguous)
    return packed and (a.shape, a.strides, a.dtype) == (b.shape, b.strides, b.dtype)


def _flat(a: np.ndarray) -> np.ndarray:
    """The elements in the order of memory, which has no gaps; the same memory."""
    return a.reshape(-1) if a.flags.c_contiguous else memory.flat(a)


def _unfused(step: Step, places: Places, y: np.ndarray) -> tuple[Call, ...]:
    """The first layer itself, on tensors of its inputs' memory, then the activation in place."""
    inputs = [plain(places[name]) for name in step.inputs]
    calls: list[Call] = [partial(_call, step.layers[0], inputs, y)]
    after = _epilogue(step, places, y)
    if after is not None:
        calls.append(epilogues.bind(_flat(y), _flat(y), after))
    return tuple(calls)


def _affine(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...]:
    layer, x = cast(nn.Affine, step.layers[0]), places[step.inputs[0]]
    y = places.new(step.output)
    if not _channels_last(x, y):
        return _unfused(step, places, y)
    after = _epilogue(step, places, y) or epilogues.nothing(y.dtype)
    return (scaled.bind(x, layer.weight._array, layer.bias._array, y, after),)


def _product(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """Planes times one factor each, as in squeeze-and-excitation."""
    inputs = sorted((places[name] for name in step.inputs), key=np.size)
    if len(inputs) != 2:
        return None
    gate, x = inputs
    if x.ndim != 4 or gate.shape != (*x.shape[:2], 1, 1):
        return None
    y = places.new(step.output)
    if not _channels_last(x, y, gate):
        return _unfused(step, places, y)
    after = _epilogue(step, places, y) or epilogues.nothing(y.dtype)
    factors = _flat(gate).reshape(x.shape[:2])  # (N,C,1,1) -> (N,C), the same memory
    return (scaled.bind(x, factors, None, y, after),)


def _channels_last(*arrays: np.ndarray) -> bool:
    return all(a.ndim == 4 and memory.nhwc(a).flags.c_contiguous for a in arrays)


def _concatenation(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """The kernel's copies, one for each input that is not in its place."""
    y, inputs = places.new(step.output), [places[name] for name in step.inputs]
    apart = [x for x, name in zip(inputs, step.inputs, strict=True) if not places.is_placed(name)]
    if not along_channels(step.layers[0]) or not _channels_last(y, *apart):
        return _unfused(step, places, y)
    firsts = accumulate((x.shape[1] for x in inputs), initial=0)
    return tuple(
        concatenation.bind(x, y, first)
        for x, first, name in zip(inputs, firsts, step.inputs, strict=False)
        if not places.is_placed(name)
    )


def _linear(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """Of one or two rows: the kernel itself, and the bias."""
    layer, x = cast(nn.Linear, step.layers[0]), places[step.inputs[0]]
    if x.ndim != 2 or not x.flags.c_contiguous:
        return None
    b = layer.weight._array.T  # (K,F) -> (F,K), a view
    shape = x.shape[0], b.shape[1], x.shape[1]
    kernel = kernels.pick_for("matmul", x, shape)
    if kernel.abilities.bind is None:
        return None
    y = places.new(step.output)
    bias = None if layer.bias is None else layer.bias._array
    calls = [kernel.abilities.bind(x, b, shape, y, Options(bias))]
    after = _epilogue(step, places, y)
    if after is not None:
        calls.append(epilogues.bind(_flat(y), _flat(y), after))
    return tuple(calls)


def _activation(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """In place where nothing else reads the input."""
    f = activation_of(step.layers[0])
    (source,) = step.inputs
    x = places[source]
    if f is None or not _alike(x, x):
        return None
    if source in dying and places.is_last(source):
        y = places.view(step.output, source, x)
    else:
        y = places.new(step.output)
        if not _alike(x, y):
            raise ValueError(f"{step.output}: {x.strides} {y.strides}")
    after = epilogue(f.function, x.dtype, None, f.alpha, f.beta)
    return (epilogues.bind(_flat(x), _flat(y), after),)


def _max_pool(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    x = places[step.inputs[0]]
    p = PoolGeometry.of(x.shape, **cast(nn.MaxPool2d, step.layers[0]).settings)
    kernel = kernels.pick_for("max_pool2d", x, p)
    if not kernel.into:
        return None
    out = places.new(step.output), places.scratch(p.y_shape, np.int32, "NHWC")
    return (partial(kernel.function, x, p, out=out),)


def _view(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """Nothing to run where the result is the input's memory seen in another way."""
    (source,) = step.inputs
    x = places[source]
    y = step.layers[0](plain(x))._array
    if not np.shares_memory(x, y):
        return None
    places.view(step.output, source, y)
    return ()


_MAKERS: dict[type, Maker] = {
    nn.Conv2d: _convolution,
    nn.Add: _sum,
    nn.Affine: _affine,
    nn.Concatenate: _concatenation,
    nn.Linear: _linear,
    nn.Multiply: _product,
    nn.MaxPool2d: _max_pool,
    nn.Flatten: _view,
    nn.Identity: _view,
    nn.Transpose: _view,
    nn.Reshape: _view,
    **dict.fromkeys(
        (nn.ReLU, nn.SiLU, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.GELU, nn.Clip, nn.ReLU6,
         nn.LeakyReLU), _activation
    ),
}  # fmt: skip

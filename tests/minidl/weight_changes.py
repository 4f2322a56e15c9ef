"""Changes of a layer's weights, layers that prepare theirs, and what a changed layer must give."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from kernels import all_kernels
from kernels.bounds import same_bits
from minidl import Tensor, nn, no_grad, optim
from minidl import functional as F
from minidl.nn.folding import fold

Change = Callable[[nn.Module, Any], object]
"""A change of the module's parameter "weight", or of the convolution's in it."""


def weight_of(module: nn.Module) -> nn.Parameter:
    return next(p for p in module.parameters() if p.ndim > 1)


def name_of(module: nn.Module) -> str:
    return next(name for name, p in module.named_parameters() if p.ndim > 1)


def replaced(module: nn.Module, w: nn.Parameter) -> None:
    w.data = np.zeros_like(w.data)


def multiplied(module: nn.Module, w: nn.Parameter) -> None:
    w.data *= -2


def by_state_dict(module: nn.Module, w: nn.Parameter) -> None:
    module.state_dict()[name_of(module)][...] = 0


def loaded(module: nn.Module, w: nn.Parameter) -> None:
    module.load_state_dict({n: 2 * p.data for n, p in module.named_parameters()})


def stepped(module: nn.Module, w: nn.Parameter) -> None:
    w.grad = Tensor(np.ones(w.shape, np.float32))
    optim.SGD({"w": w}, 1.0).step()


def swapped(module: nn.Module, w: nn.Parameter) -> None:
    w.data[[0, 1]] = w.data[[1, 0]]


def through_a_buffer(module: nn.Module, w: nn.Parameter) -> None:
    """Write through the buffer protocol: an array that has a memoryview as its base."""
    np.asarray(memoryview(w.data))[...] = 0


def with_an_axis(w: Tensor) -> Tensor:
    """Reshaped without a copy, whatever the memory layout."""
    return w.reshape(*w.shape, 1)


def set_to(index: Any, value: float) -> Change:
    def change(module: nn.Module, w: nn.Parameter) -> None:
        w.data[index] = value

    return change


CHANGES: dict[str, Change] = {
    "a filter set to 0": set_to(3, 0),
    "one value set": set_to((0, 0), 7),
    "data *= -2": multiplied,
    "data = zeros": replaced,
    "two filters exchanged": swapped,
    "through state_dict": by_state_dict,
    "through a buffer": through_a_buffer,
    "np.copyto": lambda module, w: np.copyto(w.data, 1),
    "out=": lambda module, w: np.negative(w.data, out=w.data),
    "an array from numpy()": lambda module, w: w.numpy().fill(0),
    "data of detach()": lambda module, w: w.detach().data.fill(0),
    "data of a reshaped tensor": lambda module, w: with_an_axis(w).data.fill(0),
    "data of a transposed tensor": lambda module, w: w.T.data.fill(1),
    "data of an index": lambda module, w: w[2].data.fill(0),
    "data of an index of a transposed tensor": lambda module, w: w.T[..., 2].data.fill(0),
    "assign": lambda module, w: w.assign(np.zeros(w.shape)),
    "detach().assign": lambda module, w: w.detach().assign(np.zeros(w.shape)),
    "assign to a reshaped tensor": lambda module, w: with_an_axis(w).assign(
        np.zeros((*w.shape, 1))
    ),
    "assign to an index": lambda module, w: w[2].assign(np.zeros(w.shape[1:])),
    "a tensor of data": lambda module, w: Tensor(w.data[1]).assign(np.zeros(w.shape[1:])),
    "load_state_dict": loaded,
    "an optimiser's step": stepped,
}


DEPTH = 16
"""Channels of a depthwise convolution: a vector of them at least."""


def convolution(size: int = 3) -> nn.Conv2d:
    return nn.Conv2d(8, 8, size, padding=size // 2, rng=np.random.default_rng(size))


def with_algorithm(name: str, operation: str, size: int) -> nn.Module:
    """A convolution, or a transposed one, by a named kernel."""

    groups = DEPTH if name == "depthwise" else 1

    class By(nn.Module):
        def __init__(self) -> None:
            drawn = np.random.default_rng(size)
            own = nn.Conv2d(DEPTH, DEPTH, size, groups=groups, rng=drawn)
            self.weight = own.weight if groups > 1 else convolution(size).weight

        def forward(self, x: Tensor) -> Tensor:
            function = F.conv2d if operation == "conv2d" else F.conv_transpose2d
            planes = F.concatenate([x] * (DEPTH // 8)) if groups > 1 else x
            settings = {"padding": size // 2, "groups": groups}
            return function(planes, self.weight, algorithm=name, **settings)

    return By()


def folded() -> nn.Module:
    affine = nn.Affine(np.full(8, 2, np.float32), np.ones(8, np.float32))
    graph = nn.Graph(
        {"conv": convolution(), "affine": affine}, {"conv": ["input"], "affine": ["conv"]}
    )
    return fold(graph)


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "1x1": lambda: convolution(1),
    "3x3": convolution,
    "7x7": lambda: convolution(7),
    "transposed": lambda: nn.ConvTranspose2d(8, 8, 3, stride=2, rng=np.random.default_rng(0)),
    "with ReLU": lambda: nn.Sequential(conv=convolution(), relu=nn.ReLU()),
    "with ReLU and pooling": lambda: nn.Sequential(
        conv=convolution(), relu=nn.ReLU(), pool=nn.MaxPool2d(2)
    ),
    "folded": folded,
    "in a graph": lambda: nn.Graph(
        {"conv": convolution(5), "relu": nn.ReLU()}, {"conv": ["input"], "relu": ["conv"]}
    ),
    "linear": lambda: nn.Sequential(
        flat=nn.Flatten(), fc=nn.Linear(8 * 81, 8, rng=np.random.default_rng(0))
    ),
}
ALGORITHMS = [
    (kernel.name, kernel.operation, size)
    for kernel in all_kernels()
    if kernel.device == "cpu" and kernel.operation in ("conv2d", "conv2d_dgrad")
    for size in (1, 3)
    if kernel.prepare is not None and (size == 3 or kernel.name == "pointwise")
    if size == 1 or kernel.name != "pointwise"
]


def images() -> Tensor:
    return Tensor(np.random.default_rng(1).standard_normal((1, 8, 9, 9), np.float32))


def run(module: nn.Module) -> np.ndarray:
    with no_grad():
        return module(images()).data.copy()


def anew(module: nn.Module) -> np.ndarray:
    """The result of a module with copies of all arrays, for which nothing was prepared."""
    twin = copy.deepcopy(module)
    assert not np.shares_memory(weight_of(twin).data, weight_of(module).data)
    return run(twin)


def expect_new(module: nn.Module, before: np.ndarray) -> None:
    for _ in range(3):
        after = run(module)
        assert same_bits(after, anew(module))
        assert not np.array_equal(after, before)

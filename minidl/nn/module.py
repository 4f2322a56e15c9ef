"""Modules: functions that own parameters. Parameters are named as in PyTorch: "conv1.weight"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Self

import numpy as np

from kernels.contract import memory
from minidl import device as devices
from minidl.tensor import Tensor


class Parameter(Tensor):
    """A tensor that is learnt: a leaf that requires a gradient."""

    __slots__ = ()

    def __init__(self, data: np.ndarray) -> None:
        super().__init__(memory.settled(data), requires_grad=True)

    @property
    def is_parameter(self) -> bool:
        return True

    def replace_data(self, data: np.ndarray) -> None:
        """Take another array of the same values, as `Module.to` does; no gradient is kept."""
        self.data, self.grad = memory.settled(data), None
        self._version += 1


def _undefined(self: Module, *inputs: Tensor) -> Tensor:
    raise TypeError(f"{type(self).__name__} defines no forward(x)")


class Module:
    """A function with parameters and, it may be, modules inside it, found by attribute."""

    training: bool = True
    forward: Callable[..., Tensor] = _undefined
    """What the module computes: of one tensor, or of several, as the subclass defines it."""

    def __call__(self, *inputs: Tensor) -> Tensor:
        return self.forward(*inputs)

    def children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, by name."""
        for name, value in list(vars(self).items()):  # (what a module caches may come meanwhile)
            if isinstance(value, Module):
                yield name, value

    def modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all inside it, by dotted name."""
        yield prefix, self
        for name, child in self.children():
            yield from child.modules(f"{prefix}.{name}" if prefix else name)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        for prefix, module in self.modules():
            for name, value in vars(module).items():
                if isinstance(value, Parameter):
                    yield f"{prefix}.{name}" if prefix else name, value

    def parameters(self) -> Iterator[Parameter]:
        for _, parameter in self.named_parameters():
            yield parameter

    def train(self, mode: bool = True) -> Module:
        """Dropout on (or off) in this module and all inside it."""
        for _, module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        return self.train(False)

    @property
    def device(self) -> str:
        """Where the parameters lie (`minidl.device`); "cpu" if there are none."""
        return next((parameter.device for parameter in self.parameters()), "cpu")

    def to(self, device: str) -> Self:
        """Bring every parameter to `device`, before an optimiser is made of them; gradients are
        dropped. Raises as `minidl.device.check`, and MemoryError where there is no room: then
        all stays where it was."""
        devices.check(device)
        moved = [(p, devices.move(p.data, device)) for p in self.parameters()]
        for parameter, data in moved:
            if data is not parameter.data:
                parameter.replace_data(data)
        return self

    def zero_grad(self) -> None:
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, np.ndarray]:
        """Every parameter's array by name; not copies."""
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Copy arrays into the parameters; ValueError names what is missing, unknown or unlike."""
        own = dict(self.named_parameters())
        missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        if missing or unknown:
            raise ValueError(
                f"load_state_dict: missing {missing or 'none'}, unknown {unknown or 'none'}; the "
                "weights belong to another architecture"
            )
        unlike = [
            f"{name}: {state[name].dtype} {state[name].shape}, expected {p.dtype} {p.shape}"
            for name, p in own.items()
            if state[name].shape != p.shape or state[name].dtype != p.dtype
        ]
        if unlike:
            raise ValueError("load_state_dict: " + "; ".join(unlike))
        for name, parameter in own.items():
            parameter.assign(state[name])

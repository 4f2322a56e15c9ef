"""Modules: functions with parameters, which are named as in PyTorch: "conv1.weight"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Self

import numpy as np

from kernels.contract import memory
from minidl import device as devices
from minidl.tensor import Tensor
from minidl.versions import Guard


class Parameter(Tensor):
    """A learnt tensor: a leaf that requires a gradient.

    Every way to change its values is noticed, NumPy's into `data`, or into the array that it was
    made of if that is shared, too (`minidl.versions`).
    """

    __slots__ = ()
    is_parameter = True

    def __init__(self, data: np.ndarray) -> None:
        super().__init__(memory.cache_aligned(data), requires_grad=True)
        self._guard_memory()

    def _guard_memory(self) -> None:
        self._guard = Guard(self._array)
        self._array = self._guard.array

    def change(self, function: Callable[[np.ndarray], object]) -> None:
        """Let `function` change the values in place; it gets the array, and must not keep it."""
        function(self._array)
        self._wrote()

    def replace_data(self, data: np.ndarray) -> None:
        """Use another array of the same values, as `Module.to` does; the gradient is dropped."""
        self.data, self.grad = memory.cache_aligned(data), None


def _undefined(self: Module, *inputs: Tensor) -> Tensor:
    raise TypeError(f"{type(self).__name__} defines no forward(x)")


class Module:
    """A function with parameters and perhaps other modules as attributes."""

    training: bool = True
    forward: Callable[..., Tensor] = _undefined
    """The module's function of one tensor or several; a subclass defines it."""

    def __call__(self, *inputs: Tensor) -> Tensor:
        return self.forward(*inputs)

    def children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules, by name."""
        for name, value in list(vars(self).items()):  # a copy: a module may cache values meanwhile
            if isinstance(value, Module):
                yield name, value

    def modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all its submodules, by dotted name."""
        yield prefix, self
        for name, child in self.children():
            yield from child.modules(f"{prefix}.{name}" if prefix else name)

    def named_parameters(self, *, remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, under the first of its names; all names without
        `remove_duplicate`. A parameter has several names where a layer is used twice, or where
        layers were given one parameter."""
        seen = set[int]()
        for prefix, module in self.modules():
            for name, value in vars(module).items():
                if isinstance(value, Parameter) and not (remove_duplicate and id(value) in seen):
                    seen.add(id(value))
                    yield f"{prefix}.{name}" if prefix else name, value

    def parameters(self) -> Iterator[Parameter]:
        """Every parameter once, however many names it has."""
        for _, parameter in self.named_parameters():
            yield parameter

    def train(self, mode: bool = True) -> Module:
        """Switch dropout on (or off) in this module and all its submodules."""
        for _, module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        return self.train(False)

    @property
    def device(self) -> str:
        """The device of the parameters (`minidl.device`); "cpu" if there are none."""
        return next((parameter.device for parameter in self.parameters()), "cpu")

    def to(self, device: str) -> Self:
        """Move every parameter to `device`, before an optimiser is made of them; gradients are
        dropped. Raises as `minidl.device.check`, and MemoryError if the device has no memory left;
        then no parameter is moved."""
        devices.check(device)
        moved = [(p, devices.move(p._array, device)) for p in self.parameters()]
        for parameter, data in moved:
            if data is not parameter._array:
                parameter.replace_data(data)
        return self

    def zero_grad(self) -> None:
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, np.ndarray]:
        """Every parameter's array by name, without copies; a parameter's array by each name."""
        named = self.named_parameters(remove_duplicate=False)
        return {name: parameter.data for name, parameter in named}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Copy arrays into the parameters.

        ValueError names missing, unknown and unlike arrays, and two names of one parameter whose
        arrays differ.
        """
        if not isinstance(state, Mapping) or not all(map(devices.is_array, state.values())):
            raise TypeError(
                f"load_state_dict: takes arrays by name, got a {type(state).__name__} of something "
                "else"
            )
        own = dict(self.named_parameters(remove_duplicate=False))
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
        first = {id(p): name for name, p in reversed(own.items())}
        for name, parameter in own.items():
            kept = first[id(parameter)]
            if kept != name and not _same_bits(state[kept], state[name]):
                raise ValueError(
                    f"load_state_dict: {kept} and {name} are one parameter here, of shape "
                    f"{parameter.shape}, and their arrays differ; give both names one array"
                )
        for name, parameter in self.named_parameters():
            parameter.assign(state[name])


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """True for arrays of one shape whose elements have the same bits, on any device."""
    return a is b or devices.host(a).tobytes() == devices.host(b).tobytes()

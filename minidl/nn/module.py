"""Modules: functions with parameters, which are named as in PyTorch: "conv1.weight"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from minidl import device as devices
from minidl import dtypes
from minidl.handed_array import handed
from minidl.nn import state
from minidl.nn.hooks import Handle, Hook, Hooks, call
from minidl.nn.naming import NamedModule, module_of
from minidl.nn.parameter import Parameter
from minidl.tensor import Tensor

__all__ = ["Module", "Parameter"]


def _undefined(self: Module, *inputs: Tensor) -> Tensor:
    raise TypeError(f"{type(self).__name__} defines no forward(x)")


class Module:
    """A function with parameters, buffers and perhaps other modules as attributes.

    A buffer is a Tensor that is kept with the parameters and not learnt: `register_buffer`.
    """

    training: bool = True
    forward: Callable[..., Any] = _undefined
    """The module's function of one tensor or several; a subclass defines it."""
    _hooks: Hooks | None = None
    _buffers: ClassVar[Mapping[str, bool]] = {}
    """Names of the buffers; whether each is in `state_dict`."""

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        if self._hooks:
            return call(self, self._hooks, inputs, keywords)
        return self.forward(*inputs, **keywords)

    if not TYPE_CHECKING:  # a checker then knows the attributes that there are

        def __getattr__(self, name: str) -> Any:
            """A setting by its name, as PyTorch's layers have it: `pool.kernel_size`."""
            settings = vars(self).get("settings")
            if isinstance(settings, dict) and name in settings:
                return settings[name]
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # Submodules.

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules, by name."""
        for name, value in list(vars(self).items()):  # a copy: a module may cache values meanwhile
            if isinstance(value, Module):
                yield name, module_of(value)

    def children(self) -> Iterator[NamedModule[Module]]:
        """The direct submodules; each is also the pair of its name and itself."""
        for name, child in self.named_children():
            yield NamedModule(name, child)

    def modules(self, prefix: str = "") -> Iterator[NamedModule[Module]]:
        """This module and all its submodules; each is also the pair of its dotted name and itself.
        A module with several names comes under each."""
        for name, module in self.named_modules(prefix=prefix, remove_duplicate=False):
            yield NamedModule(name, module)

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all its submodules, by dotted name; each once, under its first name."""
        seen = set[Module]() if memo is None else memo
        if remove_duplicate and self in seen:
            return
        seen.add(self)
        yield prefix, self
        for name, child in self.named_children():
            inner = f"{prefix}.{name}" if prefix else name
            yield from child.named_modules(seen, inner, remove_duplicate)

    def get_submodule(self, target: str) -> Module:
        """The submodule of a dotted name; AttributeError names those there are."""
        found: Module = self
        for part in target.split(".") if target else []:
            own = dict(found.named_children())
            if part not in own:
                raise AttributeError(f"no module {target!r}; here are {', '.join(own) or 'none'}")
            found = own[part]
        return found

    def add_module(self, name: str, module: Module | None) -> None:
        """`setattr`, for a name that is no identifier."""
        setattr(self, name, module_of(module))

    register_module = add_module

    def apply(self, function: Callable[[Module], object]) -> Self:
        """Call the function with every submodule, then with this module; returns the module."""
        for _, child in self.named_children():
            child.apply(function)
        function(self)
        return self

    # Parameters and buffers.

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """`setattr`."""
        setattr(self, name, parameter)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """An attribute that moves with the parameters and, if persistent, is in `state_dict`."""
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: {name!r} must be a Tensor, got {type(tensor)}")
        vars(self)["_buffers"] = {**self._buffers, name: persistent}
        setattr(self, name, tensor)

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, *, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, under the first of its names; all names without
        `remove_duplicate`. A parameter has several names where a layer is used twice, or where
        layers were given one parameter."""
        seen = set[int]()
        for owner, module in self._owners(prefix, recurse):
            for name, value in vars(module).items():
                if isinstance(value, Parameter) and not (remove_duplicate and id(value) in seen):
                    seen.add(id(value))
                    yield f"{owner}.{name}" if owner else name, value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Every parameter once, however many names it has."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, *, persistent_only: bool = False
    ) -> Iterator[tuple[str, Tensor]]:
        """Every buffer by name."""
        for owner, module in self._owners(prefix, recurse):
            for name, persistent in module._buffers.items():
                value = getattr(module, name)
                if value is not None and (persistent or not persistent_only):
                    yield f"{owner}.{name}" if owner else name, value

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Every buffer."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def _owners(self, prefix: str, recurse: bool) -> Iterator[tuple[str, Module]]:
        if recurse:
            yield from self.named_modules(prefix=prefix, remove_duplicate=False)
        else:
            yield prefix, self

    # Modes, devices, types.

    def train(self, mode: bool = True) -> Self:
        """Switch dropout and the statistics of batches on (or off), in all submodules too."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Switch the gradient of every parameter on or off."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    @property
    def device(self) -> str:
        """The device of the parameters (`minidl.device`); "cpu" if there are none."""
        return next((parameter.device for parameter in self.parameters()), "cpu")

    def to(
        self, *where: Any, device: str | None = None, dtype: DTypeLike | None = None,
        non_blocking: bool = False, memory_format: str | None = None,
    ) -> Self:  # fmt: skip
        """Move every parameter and buffer to a device, or into a type (not buffers of integers),
        before an optimiser is made of them; gradients are dropped. Raises as
        `minidl.device.check`, and MemoryError if the device has no memory left; then nothing is
        moved."""
        for each in where:
            if isinstance(each, str):
                device = each
            else:
                dtype = each
        if device is not None:
            device = devices.check(device)
        target = None if dtype is None else dtypes.check(dtype, "to")
        if target is not None and target.kind != "f":
            raise TypeError(f"to: parameters are of float32 or float64, not of {target}")
        tensors = [*self.parameters(), *self.buffers()]
        moved = [(t, state.converted(t._array, device, target)) for t in tensors]
        for tensor, data in moved:
            if data is not tensor._array:
                state.replace(tensor, data)
        return self

    def float(self) -> Self:
        """In float32."""
        return self.to(dtypes.float32)

    def double(self) -> Self:
        """In float64."""
        return self.to(dtypes.float64)

    def cpu(self) -> Self:
        """In the machine's memory."""
        return self.to("cpu")

    def cuda(self) -> Self:
        """In the GPU's memory."""
        return self.to("cuda")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every gradient."""
        for parameter in self.parameters():
            parameter.grad = None

    # Hooks.

    def register_forward_pre_hook(self, hook: Hook) -> Handle:
        """Call hook(module, inputs) before each forward pass; what it returns replaces them."""
        return Handle(self._own_hooks().before, hook)

    def register_forward_hook(self, hook: Hook) -> Handle:
        """Call hook(module, inputs, output) after each forward pass; what it returns replaces the
        output. A layer with hooks is fused with no other."""
        return Handle(self._own_hooks().after, hook)

    def register_full_backward_hook(self, hook: Hook) -> Handle:
        """Call hook(module, gradients of the inputs, (gradient of the output,)) in each backward
        pass; what it returns replaces the gradient of the input. None stands for an input without
        a gradient."""
        return Handle(self._own_hooks().backward, hook)

    def _own_hooks(self) -> Hooks:
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks

    # State.

    def state_dict(self, prefix: str = "") -> dict[str, np.ndarray]:
        """The array of every parameter and persistent buffer by name, without copies; a
        parameter's array by each name."""
        return {name: handed(tensor.data) for name, tensor in self._named_state(prefix)}

    def _named_state(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        for owner, module in self.named_modules(remove_duplicate=False):
            own = f"{prefix}{owner}." if owner else prefix  # a name may end with a dot itself
            for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
                yield own + name, parameter
            for name, buffer in module.named_buffers(recurse=False, persistent_only=True):
                yield own + name, buffer

    def load_state_dict(
        self, state_dict: Mapping[str, np.ndarray | Tensor], strict: bool = True
    ) -> state.Incompatible:
        """Copy arrays or Tensors into the parameters and buffers; returns the names that were
        missing and unexpected, none if `strict`.

        ValueError names missing, unknown and unlike arrays, and two names of one parameter whose
        arrays differ. Without `strict` missing and unknown names are passed over.
        """
        return state.load(dict(self._named_state()), state_dict, strict)

    # Text.

    def extra_repr(self) -> str:
        """The settings, for `print(module)`."""
        settings = getattr(self, "settings", None)
        if not isinstance(settings, Mapping):  # a module of a user's may call anything so
            return ""
        return ", ".join(f"{name}={value!r}" for name, value in settings.items())

    def __repr__(self) -> str:
        """The module's kind, settings and submodules, as PyTorch prints them."""
        inside = [f"({name}): {child!r}" for name, child in self.named_children()]
        kind, extra = type(self).__name__, self.extra_repr()
        if not inside:
            return f"{kind}({extra})"
        lines = [extra] if extra else []
        lines += inside
        indented = "\n".join(f"  {line}" for text in lines for line in text.split("\n"))
        return f"{kind}(\n{indented}\n)"

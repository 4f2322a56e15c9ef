"""Modules: functions that own parameters. Parameters are named as in PyTorch: "conv1.weight"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from minidl.tensor import Tensor


class Parameter(Tensor):
    """A tensor that is learnt: a leaf that requires a gradient."""

    __slots__ = ()

    def __init__(self, data: np.ndarray) -> None:
        super().__init__(data, requires_grad=True)

    @property
    def is_parameter(self) -> bool:
        return True


class Module:
    """A function with parameters and, it may be, modules inside it, found by attribute."""

    training: bool = True

    def forward(self, x: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} defines no forward(x)")

    def __call__(self, x: Tensor) -> Tensor:
        return self.forward(x)

    def children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, by name."""
        for name, value in vars(self).items():
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


class Sequential(Module):
    """Modules one after the other, each with a name."""

    def __init__(self, **layers: Module) -> None:
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x: Tensor) -> Tensor:
        """Layer by layer; those that one pass can do together, together (`nn/fusion.py`)."""
        for run in self.runs():
            x = run(x)
        return x

    def runs(self) -> list[Callable[[Tensor], Tensor]]:
        """What `forward` calls one after the other: layers, and fused runs of layers."""
        from minidl.nn.fusion import fused_runs

        return fused_runs([layer for _, layer in self.children()])

    def activations(self, x: Tensor, until: str | None = None) -> dict[str, Tensor]:
        """Every layer's output by the layer's name, up to and with `until`."""
        names = [name for name, _ in self.children()]
        if until is not None and until not in names:
            raise ValueError(f"no layer {until!r}; the layers are {', '.join(names)}")
        outputs: dict[str, Tensor] = {}
        for name, layer in self.children():
            outputs[name] = x = layer(x)
            if name == until:
                break
        return outputs

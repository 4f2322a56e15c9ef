"""Named modules: pairs (name, module) that also act as the module.

`children()` and `modules()` give them, so that two habits work: `for name, layer in
net.children()`, as minidl has always had it, and PyTorch's `for layer in net.children()` with
`isinstance(layer, nn.Conv2d)`, `layer.weight` or `layer(x)`. Unpacking and iteration give the
pair; attributes, calls,
indices, lengths and `isinstance` are those of the module. `named_children` and `named_modules` give
plain pairs.
"""

from __future__ import annotations

from typing import Any, TypeVar

M = TypeVar("M")


class NamedModule(tuple[str, M]):
    """(name, module), and the module."""

    __slots__ = ()

    def __new__(cls, name: str, module: M) -> NamedModule[M]:
        return tuple.__new__(cls, (name, module))

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The module's class, which `isinstance` asks for."""
        return type(module_of(self))

    def __getattr__(self, name: str) -> Any:
        return getattr(module_of(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(module_of(self), name, value)

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        return module_of(self)(*inputs, **keywords)

    def __getitem__(self, index: Any) -> Any:
        return module_of(self)[index]

    def __len__(self) -> int:
        return len(module_of(self))

    def __eq__(self, other: object) -> bool:
        return module_of(self) is module_of(other)

    def __hash__(self) -> int:
        return hash(module_of(self))

    def __repr__(self) -> str:
        return repr(module_of(self))


def module_of(value: Any) -> Any:
    """The module of a named one; anything else itself."""
    return tuple.__getitem__(value, 1) if type(value) is NamedModule else value

"""Containers of modules that have no forward pass of their own: lists, and a mapping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Self

from minidl.nn.module import Module, Parameter
from minidl.nn.naming import module_of
from minidl.tensor import Tensor


class ModuleList(Module):
    """Modules by number, whose parameters belong to the module that has the list."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def __len__(self) -> int:
        return sum(1 for _ in self.named_children())

    def __iter__(self) -> Iterator[Module]:
        return (module for _, module in self.named_children())

    def __getitem__(self, index: int | slice) -> Module:
        found = list(self)[index]
        return ModuleList(found) if isinstance(found, list) else found

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, str(range(len(self))[index]), module)

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        if not isinstance(module, Module):
            raise TypeError(f"ModuleList: holds Modules, got {type(module)}")
        setattr(self, str(len(self)), module_of(module))
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end."""
        for module in modules:
            self.append(module)
        return self


class ModuleDict(Module):
    """Modules by name."""

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        self.update(modules or {})

    def __len__(self) -> int:
        return sum(1 for _ in self.named_children())

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def __contains__(self, name: object) -> bool:
        return name in dict(self.named_children())

    def __getitem__(self, name: str) -> Module:
        own = dict(self.named_children())
        if name not in own:
            raise KeyError(f"no module {name!r}; here are {', '.join(own) or 'none'}")
        return own[name]

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"ModuleDict: holds Modules, got {type(module)}")
        if hasattr(type(self), name):
            raise KeyError(f"ModuleDict: {name!r} is the name of one of its own attributes")
        setattr(self, name, module_of(module))

    def keys(self) -> Iterator[str]:
        """The names."""
        return (name for name, _ in self.named_children())

    def values(self) -> Iterator[Module]:
        """The modules."""
        return (module for _, module in self.named_children())

    def items(self) -> Iterator[tuple[str, Module]]:
        """The names and modules."""
        return self.named_children()

    def update(self, modules: Mapping[str, Module]) -> None:
        """Add modules by name."""
        for name, module in modules.items():
            self[name] = module


class ParameterList(Module):
    """Parameters by number."""

    def __init__(self, parameters: Iterable[Parameter | Tensor] = ()) -> None:
        self.extend(parameters)

    def __len__(self) -> int:
        return sum(1 for _ in self.parameters(recurse=False))

    def __iter__(self) -> Iterator[Parameter]:
        return self.parameters(recurse=False)

    def __getitem__(self, index: int) -> Parameter:
        return list(self)[index]

    def append(self, parameter: Parameter | Tensor) -> Self:
        """Add a parameter at the end; a Tensor becomes one."""
        if not isinstance(parameter, Tensor):
            raise TypeError(f"ParameterList: holds parameters, got {type(parameter)}")
        own = parameter if isinstance(parameter, Parameter) else Parameter(parameter)
        setattr(self, str(len(self)), own)
        return self

    def extend(self, parameters: Iterable[Parameter | Tensor]) -> Self:
        """Add parameters at the end."""
        for parameter in parameters:
            self.append(parameter)
        return self

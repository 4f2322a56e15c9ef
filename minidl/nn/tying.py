"""Tied parameters: one parameter in place of several that were built from one array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from minidl.nn.module import Module, Parameter
from minidl.sharing import aliases


def tie(module: Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Make one parameter of those under whose names `arrays` has one array.

    Parameters of other values than each other stay apart: a layer may have computed them from
    several arrays, as from the statistics of a batch normalisation.
    """
    owners = dict(_owners(module))
    shared = aliases({name: array for name, array in arrays.items() if name in owners})
    for other, kept in shared.items():
        unite(*owners[other], getattr(*owners[kept]))


def unite(owner: Module, name: str, first: Parameter) -> None:
    """Give the module `first` in place of its parameter `name`, if their bits are equal."""
    own: Parameter = getattr(owner, name)
    alike = own is not first and own.shape == first.shape
    if alike and own._array.tobytes() == first._array.tobytes():
        setattr(owner, name, first)


def _owners(module: Module) -> Iterator[tuple[str, tuple[Module, str]]]:
    """Every parameter's dotted names, each with the module and the attribute."""
    for prefix, owner in module.modules():
        for name, value in vars(owner).items():
            if isinstance(value, Parameter):
                yield f"{prefix}.{name}" if prefix else name, (owner, name)

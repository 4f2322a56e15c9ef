"""Arrays with several names: recognised by their memory, and converted or stored once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np

from kernels.contract.arrays import address, device_kind


def place(array: Any) -> Hashable:
    """What several names of one array have in common: device, address, shape, strides and type.

    An array without elements has no memory that it could share: it is equal to itself alone.
    """
    if not array.size:
        return id(array)
    return device_kind(array), address(array), array.shape, array.strides, array.dtype.str


def aliases(arrays: Mapping[str, Any]) -> dict[str, str]:
    """{another name: the first name} for every array that has several."""
    first = dict[Hashable, str]()
    found = {name: first.setdefault(place(array), name) for name, array in arrays.items()}
    return {name: kept for name, kept in found.items() if name != kept}


def converted(
    arrays: Mapping[str, np.ndarray], convert: Callable[[np.ndarray], np.ndarray]
) -> dict[str, np.ndarray]:
    """`convert` of each array by name, once where names are of one array: they stay so."""
    others = aliases(arrays)
    made = {name: convert(array) for name, array in arrays.items() if name not in others}
    return {name: made[others.get(name, name)] for name in arrays}

"""Collation: samples of one form as a batch of this form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl import creation, names
from minidl import device as devices
from minidl.tensor import Tensor


def default_collate(samples: Sequence[Any]) -> Any:
    """Tensors, arrays and numbers along a new first axis; tuples and mappings part by part; other
    samples as a list. ValueError for samples of several shapes."""
    first = samples[0]
    if isinstance(first, Tensor):
        return names.stack(samples)
    if devices.is_array(first) or isinstance(first, np.generic):
        shapes = {each.shape for each in samples}
        if len(shapes) != 1:
            raise ValueError(f"collate: samples of the shapes {sorted(shapes)} make no batch")
        return creation.from_numpy(np.stack(samples))
    if isinstance(first, bool | int | float):
        return creation.tensor(samples)
    if isinstance(first, Mapping):
        return {key: default_collate([each[key] for each in samples]) for key in first}
    if isinstance(first, tuple | list):
        return type(first)(default_collate(part) for part in zip(*samples, strict=True))
    return list(samples)

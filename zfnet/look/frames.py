"""Binary frame: a JSON header and arrays as one body.

A little-endian uint32 with the header's length, the header in UTF-8, spaces up to a multiple of 8,
then each array's bytes, padded to multiples of 8. The header's "arrays" lists their names, types
and shapes in order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TYPES = ("uint8", "int32", "float32")
ALIGNED = 8


@dataclass(frozen=True, eq=False)
class Frame:
    """What a view answers: `header`, for JSON, and arrays of TYPES by name.

    Arrays of other numbers become float32; numbers that are not finite are null in the header.
    """

    header: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The body of the answer."""
        arrays = {name: _sent(array) for name, array in self.arrays.items()}
        listed = [
            {"name": name, "type": str(array.dtype), "shape": list(array.shape)}
            for name, array in arrays.items()
        ]
        text = json.dumps(_finite({**self.header, "arrays": listed}), allow_nan=False).encode()
        text += b" " * (-(4 + len(text)) % ALIGNED)
        parts = [len(text).to_bytes(4, "little"), text]
        for array in arrays.values():
            parts += [array.tobytes(), b"\0" * (-array.nbytes % ALIGNED)]
        return b"".join(parts)


def decoded(body: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a body; the page's `wire.js` does the same."""
    end = 4 + int.from_bytes(body[:4], "little")
    header = json.loads(body[4:end])
    arrays, at = {}, end
    for each in header.pop("arrays"):
        kind, shape = np.dtype(each["type"]), tuple(each["shape"])
        count = int(np.prod(shape))
        arrays[each["name"]] = np.frombuffer(body, kind, count, at).reshape(shape)
        at += -(-count * kind.itemsize // ALIGNED) * ALIGNED
    return header, arrays


def _sent(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array if str(array.dtype) in TYPES else array.astype(np.float32))


def _finite(value: Any) -> Any:
    """The value for JSON, which has no NaN and no infinity."""
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value

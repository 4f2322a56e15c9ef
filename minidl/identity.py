"""Values kept for objects as long as these live, found by identity alone."""

from __future__ import annotations

from typing import Generic, TypeVar
from weakref import ref

V = TypeVar("V")


class ByIdentity(Generic[V]):
    """A mapping like `weakref.WeakKeyDictionary`, whose keys are never compared with `==`: that of
    two tensors is an array."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[ref[object], V]] = {}

    def get(self, key: object, default: V) -> V:
        found = self._kept.get(id(key))
        return default if found is None else found[1]

    def __setitem__(self, key: object, value: V) -> None:
        number, kept = id(key), self._kept
        # The callback runs before another object can have the same identity.
        kept[number] = ref(key, lambda _: kept.pop(number, None)), value

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        self._kept.clear()

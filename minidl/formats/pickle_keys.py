"""Sizes of the tuples in a pickle, counted without building them.

A key of a dictionary is hashed, and a tuple's hash visits every element of every tuple inside it,
as often as it occurs there. Forty times a tuple of the last one twice, `t = (t, t)`, takes 200
bytes and would be hashed for hours (the "billion laughs" of pickles). Here a pickle's program is
followed on a stack of sizes in place of objects, as `pickletools.dis` follows it.
"""

from __future__ import annotations

import pickletools

MOST = 1000
"""Elements of a tuple at most, counted as often as they occur. PyTorch's have less than 20."""
HASHED = frozenset({"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET"})
MARK = 0
"""The mark on the stack; every object has a size of at least 1."""


class KeySizes:
    """The stack and the memo of an unpickler, with the size of each object: 1 but for tuples."""

    def __init__(self) -> None:
        self._stack: list[int] = []
        self._memo: dict[object, int] = {}

    def follow(self, operation: pickletools.OpcodeInfo, argument: object) -> None:
        """One operation. ValueError for a tuple of more than `MOST` elements."""
        name = operation.name
        if name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self._memo[len(self._memo) if name == "MEMOIZE" else argument] = self._top()
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self._stack.append(self._memo.get(argument, 1))
        elif name == "DUP":
            self._stack.append(self._top())
        else:
            self._replace(operation)

    def _top(self) -> int:
        return self._stack[-1] if self._stack else 1

    def _replace(self, operation: pickletools.OpcodeInfo) -> None:
        """Take what the operation takes, and put what it puts."""
        taken = self._taken(operation)
        for kind in operation.stack_after:
            if kind is pickletools.markobject:
                self._stack.append(MARK)
                continue
            size = 1 + sum(taken) if operation.name in HASHED else 1
            if size > MOST:
                raise ValueError(
                    f"it nests tuples so that one has more than {MOST} elements: nothing was built"
                )
            self._stack.append(size)

    def _taken(self, operation: pickletools.OpcodeInfo) -> list[int]:
        before = operation.stack_before
        if pickletools.markobject not in before:
            return [self._pop() for _ in before]
        taken = []
        while self._stack and self._stack[-1] != MARK:
            taken.append(self._stack.pop())
        self._pop()
        for _ in before[: before.index(pickletools.markobject)]:  # below the mark
            self._pop()
        return taken

    def _pop(self) -> int:
        """The top; 1 from an empty stack, at which the unpickler itself will fail."""
        return self._stack.pop() if self._stack else 1

"""Hooks of a module: functions that are called at its forward pass and at its backward pass.

A backward hook needs no support of the tape. The inputs and the output pass through operations that
change nothing ("watch"), whose rule calls a function with the cotangent.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from minidl.recording import is_recording
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record_view

Module = Any  # minidl.nn.module imports this module
Hook = Callable[..., Any]
_numbers = itertools.count()


class Handle:
    """What a registration returns: `remove()` undoes it, also at the end of a `with` block."""

    def __init__(self, hooks: dict[int, Hook], hook: Hook) -> None:
        self._hooks, self._number = hooks, next(_numbers)
        hooks[self._number] = hook

    def remove(self) -> None:
        """The hook is called no more."""
        self._hooks.pop(self._number, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


@dataclass(frozen=True)
class Hooks:
    """The hooks of one module, each kind in the order of registration."""

    before: dict[int, Hook] = field(default_factory=dict)
    after: dict[int, Hook] = field(default_factory=dict)
    backward: dict[int, Hook] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.backward)


def call(module: Module, hooks: Hooks, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The module's forward pass, with its hooks."""
    for hook in list(hooks.before.values()):
        changed = hook(module, inputs)
        if changed is not None:
            inputs = changed if isinstance(changed, tuple) else (changed,)
    watched = _Watched(module, hooks) if hooks.backward and is_recording() else None
    if watched:
        inputs = watched.inputs(inputs)
    output = module.forward(*inputs, **keywords)
    if watched:
        output = watched.output(output)
    for hook in list(hooks.after.values()):
        changed = hook(module, inputs, output)
        output = output if changed is None else changed
    return output


class _Watched:
    """One forward pass whose backward hooks wait for the gradients of its output and inputs."""

    def __init__(self, module: Module, hooks: Hooks) -> None:
        self.module, self.hooks = module, hooks
        self.count = 0
        self.of_output: Tensor | None = None
        self.of_inputs: dict[int, Tensor] = {}
        self.waiting: set[int] = set()

    def inputs(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.count = len(inputs)
        return tuple(self._input(i, value) for i, value in enumerate(inputs))

    def _input(self, i: int, value: Any) -> Any:
        if not isinstance(value, Tensor) or not value.requires_grad:
            return value
        self.waiting.add(i)
        return watch(value, lambda gy: self._got_input(i, gy))

    def output(self, output: Any) -> Any:
        return watch(output, self._got_output) if isinstance(output, Tensor) else output

    def _got_output(self, gy: Tensor) -> Tensor:
        self.of_output = gy
        self.of_inputs.clear()
        if not self.waiting:
            self._call((None,) * self.count)
        return gy

    def _got_input(self, i: int, gx: Tensor) -> Tensor:
        self.of_inputs[i] = gx
        if self.of_inputs.keys() != self.waiting:
            return gx
        found = self._call(tuple(self.of_inputs.get(j) for j in range(self.count)))
        changed = found[i]
        return gx if changed is None else changed

    def _call(self, gradients: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        for hook in list(self.hooks.backward.values()):
            changed = hook(self.module, gradients, (self.of_output,))
            if changed is not None:
                gradients = changed if isinstance(changed, tuple) else (changed,)
        return gradients


def watch(x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """x itself, of whose cotangent `function` is called; what it returns is passed on."""
    return record_view("watch", x._array[...], x, function=function)


@gradient.rule("watch")
def _watch(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> tuple[Tensor]:
    return (node.saved["function"](gy),)

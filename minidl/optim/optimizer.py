"""Optimisers: groups of parameters with settings, and a state for each parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from minidl import device
from minidl.recording import recording
from minidl.tensor import Tensor, plain

Given = Mapping[str, Tensor] | Iterable[Tensor] | Iterable[Mapping[str, Any]]


class Optimizer:
    """Groups of parameters, each with settings of its own.

    parameters: PyTorch's forms: an iterable of parameters, of (name, parameter), or of groups
                {"params": ..., "lr": ...}; or a mapping from names.
    A parameter with several names, or named twice, is one: it keeps the first name. Groups are in
    `param_groups`, where a schedule changes "lr".
    """

    def __init__(self, parameters: Given, **defaults: Any) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.parameters: dict[str, Tensor] = {}
        self.state: dict[Tensor, dict[str, Any]] = {}
        for group in _groups(parameters, type(self).__name__):
            self.add_param_group(group)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters with settings of their own; what is not given is as in the others."""
        kind, settings = type(self).__name__, {**self.defaults, **group}
        own, known = [], {id(p) for p in self.parameters.values()}
        for name, parameter in _named(group["params"], len(self.parameters), kind):
            if id(parameter) not in known:
                known.add(id(parameter))
                self.parameters[name] = parameter
                own.append(parameter)
        self._check({name: v for name, v in settings.items() if name != "params"})
        self.param_groups.append({**settings, "params": own})

    def _check(self, settings: Mapping[str, Any]) -> None:
        """ValueError for settings that do not fit."""

    @property
    def lr(self) -> Any:
        """The learning rate of the first group; set, that of all groups."""
        return self.param_groups[0]["lr"] if self.param_groups else self.defaults["lr"]

    @lr.setter
    def lr(self, rate: float) -> None:
        for group in self.param_groups:
            group["lr"] = rate

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradient of every parameter."""
        for parameter in self.parameters.values():
            parameter.grad = None

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update from every parameter's `.grad`; parameters without a gradient are unchanged.

        closure: computes the gradients anew and returns the loss, which is then returned.
        An error, for lack of memory say, is raised before the first parameter is changed.
        """
        loss = None
        if closure is not None:
            with recording(True):
                loss = closure()
        updates = [
            (parameter, self._ready(parameter, parameter.grad, group))
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        for parameter, update in updates:
            update()
            parameter._wrote()
        return loss

    def _ready(
        self, parameter: Tensor, gradient: Tensor, group: Mapping[str, Any]
    ) -> Callable[[], None]:
        """A function that updates the parameter and its state, and does not fail."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """{"state": {number: ...}, "param_groups": [...]} as in PyTorch: parameters by number, the
        state's arrays as Tensors of the same memory."""
        numbers = {id(p): i for i, p in enumerate(self.parameters.values())}
        state = {
            numbers[id(p)]: {name: _as_tensor(value) for name, value in own.items()}
            for p, own in self.state.items()
        }
        groups = [
            {**group, "params": [numbers[id(p)] for p in group["params"]]}
            for group in self.param_groups
        ]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Copy the state of an optimiser of as many parameters of the same shapes.

        ValueError if groups, numbers of parameters or shapes differ; then nothing is changed.
        """
        kind = type(self).__name__
        try:
            groups, states = state_dict["param_groups"], state_dict["state"]
        except (KeyError, TypeError):
            raise ValueError(
                f"{kind}: load_state_dict takes what state_dict gives, with state and param_groups"
            ) from None
        sizes = [len(group["params"]) for group in groups]
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise ValueError(f"{kind}: the state is of groups of {sizes} parameters, here of {own}")
        parameters = list(self.parameters.values())
        order = [number for group in groups for number in group["params"]]
        at = {number: parameters[i] for i, number in enumerate(order)}
        fresh = {at[int(i)]: self._loaded(at[int(i)], values) for i, values in states.items()}
        self.state = fresh
        for group, stored in zip(self.param_groups, groups, strict=True):
            group.update({name: v for name, v in stored.items() if name != "params"})

    def _loaded(self, parameter: Tensor, values: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name, value in values.items():
            array = value._array if isinstance(value, Tensor) else value
            if device.is_array(array) and array.ndim:
                if array.shape != parameter.shape:
                    raise ValueError(
                        f"{type(self).__name__}: {name} is {array.shape} in the state, its "
                        f"parameter {parameter.shape}"
                    )
                own = self._zeros(parameter)
                own[...] = device.like(array, own)
                array = own
            elif device.is_array(array):
                array = array.item()
            found[name] = array
        return found

    def _zeros(self, parameter: Tensor) -> np.ndarray:
        return np.zeros_like(parameter._array)

    def __repr__(self) -> str:
        lines = []
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {name}: {v}" for name, v in sorted(group.items()) if name != "params"]
        return f"{type(self).__name__} (\n" + "\n".join(lines) + "\n)"


def check_options(kind: str, options: Mapping[str, Any]) -> None:
    """PyTorch's choices of an implementation, which change nothing here; TypeError for other names,
    ValueError for `maximize` and `differentiable`."""
    refused = {
        "maximize": "negate the loss to maximise it", "differentiable": "steps are not on the tape",
    }  # fmt: skip
    for name, value in options.items():
        if name not in ("foreach", "fused", "capturable", *refused):
            raise TypeError(f"{kind}: got an unexpected argument {name!r}")
        if value and name in refused:
            raise ValueError(f"{kind}: {name} must be False; {refused[name]}")


def _groups(parameters: Any, kind: str) -> list[Mapping[str, Any]]:
    if isinstance(parameters, Mapping):
        return [{"params": parameters}]
    if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable):
        raise TypeError(
            f"{kind}: parameters must be an iterable, as module.parameters() is, or a mapping from "
            f"names, got a {type(parameters).__name__}"
        )
    given = list(parameters)
    if not given:
        raise ValueError(f"{kind}: got no parameters; was the iterator used before?")
    if all(isinstance(each, Mapping) and "params" in each for each in given):
        return given
    return [{"params": given}]


def _named(given: Any, before: int, kind: str) -> list[tuple[str, Tensor]]:
    """The parameters of a group with names: their own, or numbers."""
    if isinstance(given, Mapping):
        pairs = list(given.items())
    else:
        listed = [given] if isinstance(given, Tensor) else list(given)
        pairs = [
            each if isinstance(each, tuple) and len(each) == 2 else (str(before + i), each)
            for i, each in enumerate(listed)
        ]
    for name, parameter in pairs:
        if not isinstance(parameter, Tensor):
            raise TypeError(
                f"{kind}: parameter {name} must be a Tensor, got a {type(parameter).__name__}"
            )
        if parameter.node is not None or parameter.dtype.kind != "f":
            raise ValueError(
                f"{kind}: parameter {name}, {parameter.dtype} {parameter.shape}, must be a leaf of "
                "float32 or float64"
            )
    return pairs


def _as_tensor(value: Any) -> Any:
    return plain(value) if device.is_array(value) else value

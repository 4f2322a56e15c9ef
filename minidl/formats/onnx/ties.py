"""Parameters of several ONNX nodes that come from one constant: one parameter in the network."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from minidl.formats.onnx.call import Call
from minidl.nn.module import Module, Parameter
from minidl.nn.tying import unite
from minidl.sharing import place


@dataclass
class Ties:
    """The parameters so far, by the constants that they come from.

    A parameter comes from the constant whose values it has, as they are or transposed; from all
    constants of its node where it was computed from several, as a batch normalisation's scale.
    """

    known: dict[Hashable, Parameter] = field(default_factory=dict)

    def add(self, call: Call, built: tuple[Module, ...]) -> None:
        """Tie the parameters of a node's layers to earlier ones of the same origin."""
        for at, module in enumerate(built):
            for name, own in list(vars(module).items()):
                if isinstance(own, Parameter):
                    self._tie(module, name, own, _origin(call, own, (at, name)))

    def _tie(self, module: Module, name: str, own: Parameter, origin: Hashable) -> None:
        unite(module, name, self.known.setdefault((own.shape, origin), own))


def _origin(call: Call, parameter: Parameter, role: Hashable) -> Hashable:
    constants = [value for value in call.inputs if isinstance(value, np.ndarray)]
    for constant in constants:
        for values in (constant, constant.T):
            if values.shape == parameter.shape and np.array_equal(values, parameter._array):
                return place(values)
    return call.node.operator, role, *map(place, constants)

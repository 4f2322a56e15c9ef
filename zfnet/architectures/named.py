"""Networks by name as inspectable graphs, built from settings or read from a file's description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

import numpy as np

from minidl import nn
from minidl.nn import describe
from zfnet.architectures.mobile import mobilenet_v2
from zfnet.architectures.plain import vgg11_bn
from zfnet.architectures.plan import Plan
from zfnet.architectures.residual import resnet18, resnet34
from zfnet.architectures.settings import Name, NamedSettings
from zfnet.imported import require_images
from zfnet.inspectable import InspectableGraph

BUILDERS: Mapping[Name, Callable[[NamedSettings, Plan], None]] = {
    "resnet18": resnet18,
    "resnet34": resnet34,
    "mobilenet_v2": mobilenet_v2,
    "vgg11_bn": vgg11_bn,
}
NAMES: tuple[str, ...] = get_args(Name)


class NamedNet(InspectableGraph):
    """A graph of layers that `build` made, with its settings.

    ValueError, with the shapes, if it does not take images of their size, or gives other scores.
    """

    def __init__(self, graph: nn.Graph, settings: NamedSettings) -> None:
        self.settings = settings
        shape = require_images(graph, settings.image_size)
        if shape != (1, settings.num_classes):
            raise ValueError(f"scores {shape} for {settings.num_classes} classes")
        super().__init__(dict(graph.named_children()), graph.wiring(), graph.output)

    @property
    def image_size(self) -> int:
        """S of the images (N,3,S,S)."""
        return self.settings.image_size

    def described(self) -> dict[str, Any]:
        """Everything but the weights, for JSON: the settings, and every layer with its own."""
        return {"settings": self.settings.as_json(), "graph": describe.describe(self)}

    @classmethod
    def from_description(
        cls, described: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> NamedNet:
        """The inverse of `described`; ValueError if description and arrays do not fit.

        The layers are those of the description, so that a file outlives changes of the builders.
        """
        settings = NamedSettings.of_json(described["settings"])
        return cls(describe.build(described["graph"], arrays), settings)


def build(settings: NamedSettings) -> NamedNet:
    """The network of this name with drawn weights; ValueError for a name that does not exist."""
    if settings.network not in BUILDERS:
        raise ValueError(f"no network {settings.network!r}; there are {', '.join(NAMES)}")
    plan = Plan(np.random.default_rng(settings.seed))
    BUILDERS[settings.network](settings, plan)
    return NamedNet(nn.Graph(plan.layers, plan.wiring), settings)

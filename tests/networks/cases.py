"""The networks of torchvision that are compared: a name, an exporter, and the batch in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.networks.unet import unet

SMALLEST = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet",
    "inception_v3", "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small",
    "regnet_x_400mf", "regnet_y_400mf", "resnet18", "resnext50_32x4d", "shufflenet_v2_x0_5",
    "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11", "vit_b_32", "wide_resnet50_2",
)  # fmt: skip
"""The smallest of each family: by both exporters, for any batch and for a fixed one."""
UNET = "unet"
"""Our own of `unet.py`."""
SEGMENTATION = (
    "fcn_resnet50", "fcn_resnet101", "deeplabv3_resnet50", "deeplabv3_resnet101",
    "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large", UNET,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One file: `batch` is the number of images that it is written for, 0 for any."""

    network: str
    exporter: str = "script"
    batch: int = 0

    @property
    def name(self) -> str:
        return f"{self.network}-{self.exporter}-{self.batch or 'any'}"

    @classmethod
    def of(cls, name: str) -> Case:
        network, exporter, batch = name.rsplit("-", 2)
        return cls(network, exporter, 0 if batch == "any" else int(batch))


def cases() -> Iterator[Case]:
    """All cases: the smallest of each family, segmentation, then the others by their size."""
    for network in SMALLEST:
        yield from (Case(network, exporter) for exporter in ("script", "dynamo"))
    for network in SEGMENTATION:
        yield from (Case(network, exporter) for exporter in ("script", "dynamo"))
    for network in SMALLEST:
        yield from (Case(network, "script", 2), Case(network, "dynamo", 1))
    models = torchvision()
    others = set(models.list_models(module=models)) - set(SMALLEST)
    yield from map(Case, sorted(others, key=lambda name: (weights(name), name)))


def weights(name: str) -> int:
    """The number of weights, as torchvision's tables say."""
    published = torchvision().get_model_weights(name)
    return max(int(one.meta["num_params"]) for one in published)


def torchvision() -> Any:
    """torchvision.models.

    Its compiled part does not load beside PyTorch's build for CPUs alone, and two of that part's
    operators must be declared before the import.
    """
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            library.define(f"{operator}(Tensor dets, Tensor scores, float threshold) -> Tensor")
    _KEPT.append(library)
    import torchvision.models

    return torchvision.models


_KEPT: list[Any] = []
"""Declarations, which end with their library."""


def network(name: str) -> Any:
    """The network in inference with drawn weights; no parameter is all zero, as some heads are."""
    import torch

    torch.manual_seed(0)
    made = _Scores.of(unet() if name == UNET else _published(name)).eval()
    for layer in made.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
    for parameter in made.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, 0, 0.02)
    return made


def _published(name: str) -> Any:
    """Torchvision's network, whose parameters are drawn and not downloaded."""
    options: dict[str, Any] = {"weights": None}
    if name in SEGMENTATION:
        options["weights_backbone"] = None
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    if name == "googlenet":
        options["aux_logits"] = False
    return torchvision().get_model(name, **options)


class _Scores:
    """A segmentation network's first output alone."""

    @staticmethod
    def of(network: Any) -> Any:
        import torch

        class Scores(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = network

            def forward(self, image: Any) -> Any:
                result = self.network(image)
                return result["out"] if isinstance(result, dict) else result

        return Scores()


def side(name: str) -> int:
    return 299 if name == "inception_v3" else 224

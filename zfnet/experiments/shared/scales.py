"""Scales of the experiments' networks: the paper's, and a small one for two cores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from zfnet.data import Dataset, Preprocess, default_resize, mean_image
from zfnet.experiments.shared import small_network
from zfnet.experiments.shared.results import Report, silent
from zfnet.experiments.shared.runs import Plan, trained
from zfnet.model import ConvNet
from zfnet.network import Network
from zfnet.parallel.team import shared
from zfnet.recipe import Recipe
from zfnet.settings import Architecture, Settings, check

# Least image size -> strides of conv1 and conv2. Filters keep the paper's 7x7 and 11x11 pixels.
# Below 112, where the paper's strides would leave the last layers a pixel or none, conv2 has stride
# 1. Below 51 (AlexNet's minimum at stride 4) the first strides are halved for both networks, and
# AlexNet's stays twice ZFNet's.
STRIDES: tuple[tuple[int, dict[Architecture, tuple[int, int]]], ...] = (
    (112, {"zfnet": (2, 2), "alexnet": (4, 1)}),
    (51, {"zfnet": (2, 1), "alexnet": (4, 1)}),
    (0, {"zfnet": (1, 1), "alexnet": (2, 1)}),
)
# cuda-convnet's windows, which at 224 equal those without padding, give 3x3 units at 56.
ALEXNET: dict[str, Any] = {"pool_ceil": True}
MEAN_OF = 10_000


@dataclass(frozen=True)
class Scale:
    """Size and recipe of the networks that an experiment trains.

    image_size: side of a crop; images are resized to 256 / 224 of it, as in the paper.
    width:      maps, as a share of the paper's.
    hidden:     units of layers 6 and 7 each.
    dropout, init: see `Settings`.
    recipe:     of every network; its seed is replaced by the network's.
    alexnet_norm: AlexNet's normalisation; ZFNet's is "lcn".
    ten_crops:  whether validation errors average the paper's ten crops (section 3) or take the
                centre crop.
    """

    image_size: int
    width: float
    hidden: int
    dropout: float
    init: Literal["paper", "he"]
    recipe: Recipe
    alexnet_norm: Literal["lcn", "lrn"] = "lcn"
    ten_crops: bool = False

    def settings(
        self, architecture: Architecture, num_classes: int, seed: int, **changes: Any
    ) -> Settings:
        """A network of this scale; `changes` are fields of `Settings`.

        ValueError for a field out of range or, with the sizes, images that do not fit the network.
        """
        strides = next(each for least, each in STRIDES if max(self.image_size, 0) >= least)
        options: dict[str, Any] = {"strides": strides[architecture], "hidden": (self.hidden,) * 2}
        own = ALEXNET | {"norm": self.alexnet_norm} if architecture == "alexnet" else {}
        options |= {"num_classes": num_classes, "seed": seed, "image_size": self.image_size}
        options |= {"width": self.width, "dropout": self.dropout, "init": self.init}
        settings = Settings.of(architecture, **(options | own | changes))
        check(settings)
        # A network with one map in each layer has the same planes and needs little memory.
        ConvNet(replace(settings, width=1e-3, hidden=(1, 1)))
        return settings

    def preprocess(self, train: Dataset, report: Report = silent) -> Preprocess:
        """Crops of this size, minus the mean of the training images (of 10,000, evenly spread)."""
        resize = default_resize(self.image_size)
        mean = mean_image(train, resize, lambda d, n: report("mean image", d, n), limit=MEAN_OF)
        return Preprocess(self.image_size, resize, mean)

    def described(self) -> dict[str, Any]:
        """All fields by name, with the recipe's, for JSON."""
        own = asdict(self)
        return own.pop("recipe") | own


PAPER = Scale(224, 1.0, 4096, 0.5, "paper", Recipe(), alexnet_norm="lrn", ten_crops=True)
"""Sections 3 and 4: 224x224 crops of ImageNet, 70 epochs."""

SMALL = Scale(56, 1 / 3, 256, 0.3, "he", replace(small_network.recipe(0), keep_epochs=()))
"""As in `zfnet tour`: some minutes for each network on the 6000 scenes and two cores. AlexNet has
contrast normalisation here: its own, across channels, leaves activations several times as large,
and with this initialisation and rate it stayed at chance."""


def chosen(full: bool, own: dict[str, Any], recipe: dict[str, Any]) -> Scale:
    """PAPER if `full`, else SMALL, with changed fields and recipe; None leaves a field as it is."""
    scale = PAPER if full else SMALL
    of_recipe, of_scale = (
        {name: value for name, value in given.items() if value is not None}
        for given in (recipe, own)
    )
    return replace(scale, recipe=replace(scale.recipe, **of_recipe), **of_scale)


@dataclass(frozen=True, eq=False)
class Trainings:
    """Data, preprocessing, folder and device of an experiment's trainings.

    data: the data set's name, as `open_dataset` takes it.
    """

    train: Dataset
    val: Dataset
    preprocess: Preprocess
    out: Path
    data: str = ""
    device: str = "cpu"

    def network(self, plan: Plan, report: Report = silent) -> Network:
        """The trained network of `plan`; see `runs.trained`."""
        return trained(
            plan, self.train, self.val, self.preprocess, self.out, data=self.data,
            device=self.device, report=report,
        ).network  # fmt: skip

    def networks(self, plans: Sequence[Plan], report: Report = silent) -> Iterator[Network]:
        """Those of all plans, each trained when it is asked for, or by a process of a team."""
        return shared(_Networks(self, tuple(plans)), len(plans), report)


@dataclass(frozen=True, eq=False)
class _Networks:
    """Trainings to be shared among processes."""

    trainings: Trainings
    plans: tuple[Plan, ...]

    def __call__(self, items: range, report: Report) -> Iterator[Network]:
        for item in items:
            yield self.trainings.network(self.plans[item], report)

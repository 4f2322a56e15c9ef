"""Options of `zfnet train` that choose the network, and the network and recipe that they give.

ZFNet and AlexNet have options of their own (`zfnet/settings.py`), the networks by name others
(`zfnet/architectures/settings.py`); size, width and dropout are options of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

import typer

from zfnet.architectures import NAMES, NamedNet, NamedSettings, build
from zfnet.documented import documented
from zfnet.inspectable import InspectableGraph
from zfnet.model import ConvNet
from zfnet.network import Network
from zfnet.recipe import Recipe
from zfnet.settings import Settings

PANEL = "Network"
OWN_KIND = ("zfnet", "alexnet")
AFTER_THE_DATA = ("num_classes", "seed")
"""Settings without an option: the data and the recipe's seed give them."""
OF_BOTH = frozenset({"image_size", "width", "dropout"})
USUAL: Mapping[str, Any] = {
    "lr": 0.05, "weight_decay": 5e-4, "schedule": "cosine", "crops": "random", "max_rms": 0.0,
}  # fmt: skip
"""Defaults of the recipe for networks by name, which are trained otherwise than the paper's."""


@dataclass(frozen=True)
class ByName:
    """Options of the networks by name alone."""

    network: Annotated[
        Literal["zfnet", "alexnet", "resnet18", "resnet34", "mobilenet_v2", "vgg11_bn"] | None,
        typer.Option(
            help="A network by name; zfnet and alexnet are those of --architecture. The others "
            "take --image-size, --width, --dropout, --blocks and --stem, and have other defaults "
            "of the recipe: --lr 0.05 --weight-decay 5e-4 --schedule cosine --crops random "
            "--max-rms 0."
        ),
    ] = None
    blocks: tuple[int, ...] = documented(
        (), "With --network: blocks of each stage, as 1,1,1,1 (default: as published)."
    )
    stem: int = documented(
        0,
        "With --network: factor by which the first layers shrink, 4 as published, 2 or 1 "
        "(0: 1 to 48 pixels, 2 to 112, then 4).",
    )


@dataclass(frozen=True)
class Choice:
    """The network's options: values by name, and which of them were typed.

    own: those of ZFNet and AlexNet. named: those of the networks by name.
    """

    own: Mapping[str, Any]
    named: ByName
    typed: frozenset[str]

    @property
    def by_name(self) -> str | None:
        """The name, of a network that is not the paper's."""
        return self.named.network if self.named.network in NAMES else None

    def given(self) -> dict[str, Any]:
        """The options of the network that were typed, by name."""
        values = {**self.own, **vars(self.named)}
        return {name: value for name, value in values.items() if name in self.typed}

    def settings(self, classes: int, seed: int) -> Settings | NamedSettings:
        """The settings of the network; ValueError for an option that it does not have."""
        drawn: dict[str, Any] = {"num_classes": classes, "seed": seed}
        own = {f.name for f in fields(Settings)} - OF_BOTH
        if self.by_name is not None:
            self._refuse(own, self.by_name, [*OF_BOTH, "blocks", "stem"])
            shared = {name: self.own[name] for name in OF_BOTH & self.typed}
            return NamedSettings(**{**vars(self.named), **shared, **drawn})
        given = {**self.own, **self._architecture()}
        known = [*OF_BOTH, *own - set(AFTER_THE_DATA)]
        self._refuse({"blocks", "stem"}, given["architecture"], known)
        return Settings.of(**given, **drawn)

    def recipe(self, recipe: Recipe) -> Recipe:
        """The recipe with the network's own defaults where no option was typed."""
        if self.by_name is None:
            return recipe
        return replace(recipe, **{k: v for k, v in USUAL.items() if k not in self.typed})

    def _architecture(self) -> dict[str, Any]:
        """The paper's network that --network names, if it names one."""
        name = self.named.network
        if name is None:
            return {}
        if "architecture" in self.typed and self.own["architecture"] != name:
            raise ValueError(
                f"--network {name} and --architecture {self.own['architecture']} are two networks; "
                "give one of them"
            )
        return {"architecture": name}

    def _refuse(self, others: set[str], network: str, known: list[str]) -> None:
        wrong = sorted(map(_flag, others & self.typed))
        if wrong:
            has = ", ".join(sorted(map(_flag, known)))
            raise ValueError(f"{network} has no {', '.join(wrong)}; it has {has}")


def made(settings: Settings | NamedSettings) -> InspectableGraph:
    """The network of these settings, with drawn weights."""
    return build(settings) if isinstance(settings, NamedSettings) else ConvNet(settings)


def require_same(network: Network, out: object, given: Mapping[str, Any]) -> None:
    """ValueError for an option of the network, typed again, that is not the run's."""
    model = network.model
    if not isinstance(model, ConvNet | NamedNet):
        raise ValueError(f"{out} has an imported network, which no `zfnet train` began")
    kept = vars(model.settings)
    kept |= {"network": kept.get("network", kept.get("architecture"))}
    kept |= {"architecture": kept["network"], "resize": network.preprocess.resize}
    for name, value in given.items():
        if name not in kept:
            raise ValueError(f"{out} is a run of {kept['network']}, which has no {_flag(name)}")
        if value != kept[name]:
            raise ValueError(
                f"{out} was begun with {_flag(name)} {_shown(kept[name])}, which a run keeps; "
                f"{_shown(value)} needs another --out"
            )


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value).lower()


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")

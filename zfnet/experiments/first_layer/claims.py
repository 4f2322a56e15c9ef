"""The networks that Fig 6 compares, and the paper's claims about them (section 4.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from zfnet.experiments.first_layer.measure import FirstLayer
from zfnet.experiments.shared.estimates import Claim
from zfnet.experiments.shared.results import Report, silent
from zfnet.experiments.shared.runs import Plan
from zfnet.experiments.shared.scales import Scale, Trainings
from zfnet.network import Network
from zfnet.settings import Architecture


@dataclass(frozen=True)
class Variant:
    """A network of Fig 6 to train."""

    name: str
    title: str
    architecture: Architecture
    renormalised: bool


VARIANTS = (
    Variant("not-renormalised", "ZFNet, filters not renormalised (a)", "zfnet", False),
    Variant("alexnet", "AlexNet's first layer (b)", "alexnet", True),
    Variant("zfnet", "ZFNet (c)", "zfnet", True),
)
"""(a) and (c) differ in the recipe alone, (b) and (c) in the architecture alone; the paper's (b) is
Krizhevsky's own network, which was not renormalised either."""


def plan(variant: Variant, scale: Scale, num_classes: int, seed: int) -> Plan:
    """Architecture and recipe of the network of a variant and seed.

    ValueError if images of the scale's size do not fit it.
    """
    max_rms = scale.recipe.max_rms if variant.renormalised else 0.0
    settings = scale.settings(variant.architecture, num_classes, seed)
    recipe = replace(scale.recipe, seed=seed, max_rms=max_rms)
    return Plan(f"{variant.name}-{seed}", settings, recipe)


@dataclass(frozen=True, eq=False)
class Group:
    """Networks of one kind, one for each seed; their name in files, and on the page."""

    name: str
    title: str
    networks: Iterable[Network]


def trained_groups(
    scale: Scale, seeds: Sequence[int], trainings: Trainings, report: Report = silent
) -> list[Group]:
    """VARIANTS; each network is trained when it is first used.

    ValueError, before any training, if there is no seed or images of this size do not fit.
    """
    if not seeds:
        raise ValueError("each network needs at least one seed, got none")
    classes = len(trainings.train.classes)

    def networks(variant: Variant) -> Iterator[Network]:
        planned = [plan(variant, scale, classes, seed) for seed in seeds]
        return trainings.networks(planned, report)

    return [Group(v.name, v.title, networks(v)) for v in VARIANTS]


def claims(found: Mapping[str, Sequence[FirstLayer]]) -> list[Claim]:
    """Section 4.1's claims about Fig 6, from the first layers of VARIANTS by name, by seed."""
    free, alexnet, zfnet = (found.get(v.name, ()) for v in VARIANTS)
    stated = []
    if free and zfnet:
        stated.append(Claim(
            "Renormalising the filters keeps a few of them from dominating the first layer",
            "the largest filter's RMS as a multiple of the median one's, without less with "
            "renormalisation,",
            tuple(a.dominance - c.dominance for a, c in zip(free, zfnet, strict=True)), "",
        ))  # fmt: skip
    if alexnet and zfnet:
        pairs = list(zip(alexnet, zfnet, strict=True))
        stated += [
            Claim(
                "A smaller stride aliases less",
                f"the share of the response that is aliased, {_against(pairs[0])},",
                tuple(100 * (b.aliasing() - c.aliasing()) for b, c in pairs),
            ),
            Claim(
                "Smaller filters at a smaller stride leave fewer of them dead",
                f"the share of filters that are dead, {_against(pairs[0])},",
                tuple(100 * (b.dead.mean() - c.dead.mean()) for b, c in pairs),
            ),
        ]  # fmt: skip
    return stated


def _against(pair: tuple[FirstLayer, FirstLayer]) -> str:
    return f"at {pair[0].title} less at {pair[1].title}"

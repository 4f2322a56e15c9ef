"""Page of `zfnet occlusion`: Fig 7's five columns for images of a data set and for files.

Each image's picture and numbers are written as soon as they are known; the page comes last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zfnet.attribution.projector import DECONVNET, ChosenMethod
from zfnet.data import Dataset
from zfnet.deconvnet import Projection
from zfnet.experiments.occlusion.card import occlusion_card
from zfnet.experiments.occlusion.images import Searched, Subject, last_layer
from zfnet.experiments.occlusion.measure import OcclusionMap, occlusion_map
from zfnet.experiments.occlusion.pointing import (
    Playable,
    Point,
    PointingGame,
    game,
    playable,
    point,
    pointing_game,
)
from zfnet.experiments.shared.results import Report, Results, silent
from zfnet.network import Network
from zfnet.report import OcclusionCard, Page
from zfnet.report.numbers import percent
from zfnet.report.occlusion_figure import occlusion_figure

DOTS = 120
"""Pixels per inch of an image's PNG file: 1560 pixels for the five columns."""
COLUMNS = (
    "From left to right, as in the paper's Fig 7: (a) the image, with the square in a corner at "
    "its size; then, by the place of the square's centre, (b) the total activation of the map of "
    "`{}` that is strongest in the image; (c) that map's strongest activation projected to the "
    "pixels by {}{}; (d) the probability of its class, which stands beside its name; "
    "(e) the most probable class. Where (b) and (d) fall together, the map looks for what the "
    "class needs.{}"
)
OTHERS = ", for this image in a frame and for the other images that excite the map most"
OUTLINED = " The true object is outlined where it is known."


@dataclass(frozen=True, eq=False)
class Occluded:
    """One image's occlusion map, the projections (its own first), and its point in the game."""

    subject: Subject
    map: OcclusionMap
    projections: list[Projection]
    point: Point | None

    @property
    def kept(self) -> float:
        """The share of positions at which the map's class stays the most probable one."""
        return float((self.map.winner == self.map.label).mean())


def write_occlusion(
    network: Network,
    subjects: Sequence[Subject],
    results: Results,
    *,
    square: int,
    stride: int,
    dataset: Dataset | None = None,
    search: Sequence[int] = (),
    pointing: Sequence[int] = (),
    method: ChosenMethod = DECONVNET,
    report: Report = silent,
) -> Path:
    """Fig 7 for each subject, and the pointing game (paper, section 4.2); returns the page's path.

    search: positions in `dataset` of the images that column (c) takes other projections from.
    pointing: positions of images for the game, besides those subjects whose object is known; images
    without a known object or class are left out and counted.
    ValueError for no subjects, a square that does not fit, or if all of `pointing` are left out.
    """
    if not subjects:
        raise ValueError("there is no image to look at: at least one is needed")
    able = Playable() if dataset is None else playable(network, dataset, pointing)
    if able.left_out and not able.indices:  # before minutes of computation
        raise ValueError(f"the pointing game cannot be played: {able.sentence()}")
    searched = None
    if dataset and len(search):
        searched = Searched(network, dataset, search, report, method)
    occluded: list[Occluded] = []
    for one in occlude(network, subjects, square, stride, searched, report, method):
        occluded.append(one)
        _write_image(network, one, len(occluded), results)
        results.numbers(images=[_numbers(network, s) for s in occluded], pointing=None)
    played = _play(network, occluded, dataset, able.indices, square, stride, report)
    _write_game(network, occluded, played, able, dataset, results)
    return results.write(_page(network, occluded, method, _game_text(played, able), results))


def occlude(
    network: Network,
    subjects: Sequence[Subject],
    square: int,
    stride: int,
    searched: Searched | None = None,
    report: Report = silent,
    method: ChosenMethod = DECONVNET,
) -> Iterator[Occluded]:
    """The map of each subject, of its class or, where it has none, of the most probable one."""
    for number, subject in enumerate(subjects):

        def progress(done: int, places: int, before: int = number) -> None:
            report("occlusion", before * places + done, len(subjects) * places)

        label = subject.label
        if label is None:
            label = int(network.probabilities(subject.x[None]).argmax())
        found = occlusion_map(
            network, subject.x, label, square=square, stride=stride, progress=progress
        )
        projector = method.projector(network)
        own = projector.project(subject.x[None], last_layer(network), map=found.map)
        projections = list(own)
        if searched is not None:
            projections += searched.projections(found.map, without=subject.index)
        yield Occluded(subject, found, projections, _point(subject, found))


def _point(subject: Subject, found: OcclusionMap) -> Point | None:
    """The subject's point in the game; None where its object or its true class is unknown."""
    if subject.region is None or subject.label is None:
        return None
    return point(found, subject.region)


def _play(
    network: Network,
    occluded: Sequence[Occluded],
    dataset: Dataset | None,
    pointing: Sequence[int],
    square: int,
    stride: int,
    report: Report,
) -> PointingGame | None:
    """The game on the images shown and on further ones; None where no object is known."""
    known = {s.subject.index: s.point for s in occluded if s.point is not None}
    shown = game(list(known), list(known.values()))
    further = [index for index in pointing if index not in known]
    if dataset is None or not further:
        return shown if known else None
    more = pointing_game(network, dataset, further, square, stride, report=report)
    return PointingGame(
        shown.indices + more.indices, shown.hits + more.hits, shown.chances + more.chances
    )


def _write_image(network: Network, one: Occluded, number: int, results: Results) -> None:
    """occlusion-01, a figure: the columns; occlusion-01.csv: the maps, a line for each place."""
    name, found = f"occlusion-{number:02d}", one.map
    results.figure(name, occlusion_figure(_card(network, one)), DOTS)
    centres = found.centres().tolist()
    rows = [
        [row, column, float(found.activation[p, q]), float(found.probability[p, q]),
         network.classes[found.winner[p, q]]]
        for p, row in enumerate(centres) for q, column in enumerate(centres)
    ]  # fmt: skip
    header = ["row", "column", "activation", "probability", "most probable class"]
    results.table(name, header, rows)


def _write_game(
    network: Network,
    occluded: Sequence[Occluded],
    played: PointingGame | None,
    able: Playable,
    dataset: Dataset | None,
    results: Results,
) -> None:
    found: dict[str, Any] | None = None
    if played is not None and dataset is not None:
        low, high = played.interval
        found = {"images": len(played.hits), "share": played.share, "interval": [low, high],
                 "chance": played.chance, "sentence": played.sentence(),
                 "left_out": able.left_out}  # fmt: skip
        titles = [dataset.title(index) for index in played.indices]
        lines = zip(titles, map(int, played.hits), played.chances, strict=True)
        results.table("pointing", ["image", "hit", "chance"], lines)
    results.numbers(images=[_numbers(network, s) for s in occluded], pointing=found)


def _numbers(network: Network, one: Occluded) -> dict[str, Any]:
    found = one.map
    return {
        "image": one.subject.title,
        "class": network.classes[found.label],
        "class_is": "the network's most probable" if one.subject.label is None else "given",
        "map": found.map,
        "clear": found.clear,
        "least": float(found.probability.min()),
        "least_at": found.darkest(),
        "class_kept": one.kept,
        "pointing": None if one.point is None else asdict(one.point),
    }


def _card(network: Network, one: Occluded) -> OcclusionCard:
    subject, found = one.subject, one.map
    card = occlusion_card(network, subject.x, found, subject.title, subject.region)
    note = card.note + f"; {percent(found.probability.min(), 1)} at the worst place"
    if subject.label is None:
        note += "; nobody named the class, it is the network's own most probable one"
    if one.point is not None:
        note += f"; the minimum is {'on' if one.point.hit else 'off'} the object"
    return replace(card, note=note + ".", projections=[p.pixels for p in one.projections])


def _page(
    network: Network, occluded: Sequence[Occluded], method: ChosenMethod, text: str,
    results: Results,
) -> Page:  # fmt: skip
    S, found = network.preprocess.image_size, occluded[0].map
    facts = [
        ("images", str(len(occluded))),
        ("side of the square", f"{found.square} of {S} pixels"),
        ("places", str(found.probability.size)),
    ]
    lead = (
        "A grey square slides over an image. What falls where it stands shows what the network "
        "goes by: the object, or what lies about it (paper, section 4.2, Fig 7)."
    )
    page = results.page("What the network looks at", lead, facts)
    others = OTHERS if any(len(one.projections) > 1 for one in occluded) else ""
    outlined = OUTLINED if any(one.subject.region is not None for one in occluded) else ""
    columns = COLUMNS.format(last_layer(network), method.title, others, outlined)
    section = page.section("Images behind a square", columns)
    section.occlusion([_card(network, one) for one in occluded])
    if text:
        page.section("The pointing game", text)
    return page


def _game_text(played: PointingGame | None, able: Playable) -> str:
    """The result in words; empty where no object's place, or no class, is known."""
    if played is None:
        return ""
    return (
        f"{able.sentence()} {played.sentence()} Chance is the share of the map's places that lie "
        "on the object, the mean over the images; the interval is Wilson's."
    ).lstrip()

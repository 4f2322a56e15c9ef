"""Resumption of a run as it began: its kept recipe, images and origin, and what differs from them.

A run that goes on as it began reaches the weights of an uninterrupted one, bit for bit. Whatever
would prevent that is a `Difference`; images stay in the part of the split that the run had them in.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zfnet.checkpoint import CHECKPOINT, KERNELS, load_checkpoint, load_images, load_state
from zfnet.data import Dataset, open_dataset
from zfnet.data.kept_split import kept_split
from zfnet.data.listing import Listing, Part, changes, listing
from zfnet.network import Network
from zfnet.origin import Difference, Origin, differences
from zfnet.recipe import Recipe
from zfnet.train import Trainer

HARMLESS = ("checkpoint_every", "keep_epochs")
"""Fields of a recipe that change no numbers."""
NEW_EPOCH = ("batch_size",)
"""Fields with which an epoch that has begun cannot go on: it begins anew."""
UNKNOWN_ORIGIN = (
    "an earlier version wrote this checkpoint: on which images the run began, with how many "
    "threads and by which kernels is not known, and not checked"
)


@dataclass(frozen=True, eq=False)
class Kept:
    """A run as its folder has it. origin: None if an earlier version wrote it."""

    out: Path
    network: Network
    recipe: Recipe
    arrays: dict[str, np.ndarray]
    state: dict[str, Any]
    origin: Origin | None

    @property
    def epoch(self) -> int:
        """Epochs that are finished."""
        return int(self.state["position"]["epoch"])


@dataclass(frozen=True, eq=False)
class Images:
    """The data of a resumed run in the run's split, their list, and what changed in them."""

    train: Dataset
    val: Dataset
    images: Listing
    found: tuple[Difference, ...] = ()


def kept_run(out: Path) -> Kept:
    """The run in `out`. FileNotFoundError without a checkpoint, ValueError for a damaged one."""
    try:
        network, recipe, arrays, state = load_checkpoint(out)
    except ValueError as error:
        check = shlex.join(["zfnet", "check-run", str(out)])
        raise ValueError(f"{error}; `{check}` says which files of the run are whole") from None
    try:
        stored = state.get("origin")
        origin = Origin.of_json(stored) if stored else None
        kept = Kept(out, network, recipe, arrays, state, origin)
        assert kept.epoch >= 0
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the checkpoint in {out} cannot be resumed from: {error!r}") from None
    return kept


def kept_images(
    kept: Kept,
    train: Dataset,
    val: Dataset,
    *,
    workers: int = 2,
    progress: Callable[[int], None] = lambda done: None,
) -> Images:
    """Opened data sets in the split of the run, and how their images differ from the run's."""
    before, found = None, []
    if kept.origin is not None:
        try:
            before = load_images(kept.out, kept.origin.images)
        except ValueError as error:
            found.append(Difference("the list of its images", "kept", f"lost: {error}"))
    images = listing(train, val, before=before, workers=workers, progress=progress)
    if before is None:
        return Images(train, val, images, tuple(found))
    (train, val), images = kept_split(before, images, train, val)
    changed = changes(before, images)
    if changed or images.digest != before.digest:
        was, is_now = (f"{len(one.entries)} images" for one in (before, images))
        why = str(changed) or "in another order"
        found.append(Difference("the data", was, is_now, why=why))
    return Images(train, val, images, tuple(found))


def split_of_run(run: Path, data: str, part: Part) -> Dataset | None:
    """The images of a folder that the run in `run` had in this part; None for a run on other data.

    None also for a run on images without files, and for one of an earlier version. ValueError if
    the checkpoint or the list of images is damaged.
    """
    if not (run / CHECKPOINT).is_file():
        return None
    origin = Origin.of_json(load_state(run).get("origin") or {})
    if not origin.images or Path(origin.data).resolve() != Path(data).resolve():
        return None
    before = load_images(run, origin.images)
    if not before.files:
        return None
    train, val = (
        open_dataset(data, split, follow_links=origin.follow_links)
        for split in ("train", "test" if origin.use_test else "val")
    )
    (train, val), _ = kept_split(before, listing(train, val, before=before), train, val)
    return train if part == "train" else val


def of_recipe(before: Recipe, now: Recipe) -> list[Difference]:
    """How a recipe differs, by the names of the options."""
    found = []
    for name, value in vars(before).items():
        other = getattr(now, name)
        if other != value:
            cosine = name == "epochs" and "cosine" in (before.schedule, now.schedule)
            breaks = cosine or name not in (*HARMLESS, "epochs")
            why = "the cosine over them has other learning rates" if cosine else ""
            found.append(Difference(_flag(name), value, other, breaks, why))
    return found


def of_origin(kept: Kept, now: Origin) -> list[Difference]:
    """How the origin differs, and whether the choice of kernels is there."""
    if kept.origin is None:
        return []
    found = differences(kept.origin, now)
    if kept.origin.autotune and now.autotune and not (kept.out / KERNELS).is_file():
        found.append(Difference(KERNELS, "kept", "missing", why="kernels would be chosen anew"))
    return found


def continued(kept: Kept, trainer: Trainer, found: Sequence[Difference]) -> None:
    """Restore the run into a trainer of its network, and note the differences in its record."""
    state = dict(kept.state)
    state["schedule"] = _schedule(kept, trainer.recipe)
    if any(one.what in ("the data", *map(_flag, NEW_EPOCH)) for one in found):
        position = kept.state["position"]
        state["position"] = {name: position[name] for name in ("epoch", "step", "history")}
    trainer.restore(kept.arrays, state)
    trainer.allow_changes = True  # they were judged here
    if found:
        noted = {"step": trainer.at.step, "changes": [str(one) for one in found]}
        trainer.changes = [*trainer.changes, noted]


def _schedule(kept: Kept, now: Recipe) -> dict[str, Any]:
    """The state of the schedule; a rate that is changed counts from here on."""
    if now.schedule != kept.recipe.schedule:
        return now.make_schedule().state()
    state = dict(kept.state["schedule"])
    if "lr" in state and now.lr != kept.recipe.lr:
        state["lr"] = state["lr"] * (now.lr / kept.recipe.lr)
    return state


def asked(before: Recipe, now: Recipe, given: frozenset[str]) -> Recipe:
    """The kept recipe with the options that were given again."""
    again = {name: getattr(now, name) for name in vars(before) if name in given}
    return replace(before, **again)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")

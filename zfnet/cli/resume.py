"""`zfnet train --resume`: a run goes on as it began, with the options that are given again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import minidl
from kernels.terminal.progress import Task, progress_bars, say
from zfnet.checkpoint import KERNELS
from zfnet.cli.network_options import require_same
from zfnet.evaluate import check_classes
from zfnet.origin import Difference, Origin, data_name, refusal
from zfnet.parallel.world import ALONE, Alone, Processes
from zfnet.recipe import Recipe
from zfnet.resuming import (
    UNKNOWN_ORIGIN,
    Images,
    Kept,
    asked,
    continued,
    kept_images,
    kept_run,
    of_origin,
    of_recipe,
    open_split,
)
from zfnet.train import Trainer

OF_THE_OPTIONS = "device", "strict", "workers", "use_test", "follow_links"
"""Fields of `Origin` that a resumed run keeps unless the option is typed again."""
WAY_OUT = "leave this as it was, or add --allow-changes to go on all the same"


@dataclass(frozen=True)
class Asked:
    """The options of a command that resumes; `given` names those that the user typed.

    settings: the network's options that were typed, by name; resize: --resize, None unless typed.
    """

    given: frozenset[str]
    data: str | None
    recipe: Recipe
    settings: Mapping[str, Any]
    resize: int | None
    device: str
    threads: int | None
    autotune: bool
    strict: bool
    workers: int
    use_test: bool
    follow_links: bool
    allow_changes: bool


def resumed(out: Path, options: Asked, world: Alone | Processes = ALONE) -> Trainer:
    """A trainer at the last checkpoint in `out`.

    ValueError names every option, image and circumstance that is not as it was and would change the
    weights, unless --allow-changes.
    """
    kept = kept_run(out)
    _require_same_network(kept, options)
    recipe = asked(kept.recipe, options.recipe, options.given)
    if recipe.seed != kept.recipe.seed:
        raise ValueError(
            f"{out} was begun with --seed {kept.recipe.seed}, which drew its weights and its "
            f"validation images; --seed {recipe.seed} needs another --out"
        )
    origin = _origin(kept, options)
    minidl.device.check(origin.device)
    sets = _opened(kept, origin, options)
    found = [*of_recipe(kept.recipe, recipe), *of_origin(kept, origin), *sets.found]
    refused = refusal(out, found, WAY_OUT)
    if refused and not options.allow_changes:
        raise ValueError(refused)
    kept.network.model.to(origin.device)
    trainer = Trainer(
        kept.network, sets.train, sets.val, out, recipe, workers=origin.workers,
        strict=origin.strict, images=sets.images, origin=origin, world=world,
    )  # fmt: skip
    continued(kept, trainer, found)
    _say(kept, trainer, found)
    return trainer


def command(out: Path, *more: str) -> str:
    """The command that goes on with the run in `out`, as a shell takes it."""
    return shlex.join(["zfnet", "train", "--resume", "--out", str(out), *more])


def _require_same_network(kept: Kept, options: Asked) -> None:
    given = dict(options.settings)
    if options.resize is not None:
        given["resize"] = options.resize
    require_same(kept.network, kept.out, given)


def _origin(kept: Kept, options: Asked) -> Origin:
    """That of this process, with the kept options where none are given again."""
    before = kept.origin or Origin.here(data=kept.network.data, autotune=_tuned(kept.out))
    own = {name: getattr(options if name in options.given else before, name)
           for name in OF_THE_OPTIONS}  # fmt: skip
    _set_threads(options.threads, before.threads)
    data = before.data if options.data is None else data_name(options.data)
    return Origin.here(data=data, autotune=before.autotune or options.autotune, **own)


def _tuned(out: Path) -> bool:
    return (out / KERNELS).is_file()


def _set_threads(given: int | None, before: int) -> None:
    """As many threads as before, if none are given and this machine has them."""
    if given is not None:
        minidl.set_num_threads(given)
    elif minidl.get_num_threads() != before:
        try:
            minidl.set_num_threads(before)
        except ValueError:  # the difference is named
            return


def _opened(kept: Kept, origin: Origin, options: Asked) -> Images:
    train_set, val_set = open_split(origin, kept.recipe.seed)
    for dataset in (train_set, val_set):
        check_classes([kept.network], dataset)
    with progress_bars() as bars:
        task = Task(bars, "list of images", len(train_set) + len(val_set))
        return kept_images(kept, train_set, val_set, workers=origin.workers, progress=task.update)


def _say(kept: Kept, trainer: Trainer, found: list[Difference]) -> None:
    if kept.origin is None:
        say(UNKNOWN_ORIGIN)
    if found:
        say("going on with changes: " + "; ".join(map(str, found)))
    at, recipe = trainer.at, trainer.recipe
    say(
        f"going on in epoch {min(at.epoch + 1, recipe.epochs)} of {recipe.epochs} after step "
        f"{at.step}: {recipe.schedule} schedule from learning rate {recipe.lr:g}, batches of "
        f"{recipe.batch_size}, seed {recipe.seed}" + ("" if found else ", as the run began")
    )


def with_epochs(recipe: Recipe) -> tuple[str, ...]:
    """The options that train a finished run for as many epochs again."""
    more = ("--epochs", str(2 * max(recipe.epochs, 1)))
    return more if recipe.schedule == "plateau" else (*more, "--allow-changes")

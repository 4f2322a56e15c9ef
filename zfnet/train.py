"""Training with the paper's recipe; an interrupted run resumes to the same weights, bit for bit.

A run is a folder: `model.safetensors` (the network after the last epoch), `checkpoint.safetensors`
(the state to resume from), `images-DIGEST.jsonl` (the list of its images), `log.jsonl` (a line for
each epoch), `curve.svg`, with `keep_epochs` the networks of those epochs in `epochs/`, and for a
tuned run `kernels.json`. All random draws are functions of (seed, epoch, image) or (seed, step), so
that a resumed run has the weights of an uninterrupted one.

While a run is trained its folder is locked. A folder that is removed meanwhile is an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from kernels.storage.atomic import writing_into
from kernels.storage.folders import require_present
from zfnet.checkpoint import (
    epoch_file,
    forget_other_images,
    save_checkpoint,
    save_images,
    save_results,
)
from zfnet.data import BadImage, Dataset, Loading, require_classes
from zfnet.data.listing import Listing, listing
from zfnet.divergence import Watch
from zfnet.evaluate import Errors, check_classes, evaluate
from zfnet.gradients import Step
from zfnet.network import Network
from zfnet.origin import Origin, require_as_begun
from zfnet.parallel.sharded import batches_of
from zfnet.parallel.world import ALONE, Alone, Elsewhere, Processes
from zfnet.recipe import Recipe
from zfnet.training_state import Position, Progress
from zfnet.update import Update


class _Stopped(Exception):
    """`stopping` was true during validation."""


class Trainer:
    """One run in the folder `out`, on the device of the network's weights (`model.to`).

    images:   the list of the images; by default it is made when the run begins.
    origin:   what else decides the numbers; by default that of this process.
    world:    the processes of the run (`zfnet/parallel`); by default this one. Rank 0 writes.
    on_step:  called after every step; if it returns False, training stops with a checkpoint.
    on_epoch: called with the epoch's line of the log.
    stopping: asked during validation; if it returns True, training stops with a checkpoint, after
              which validation begins anew.

    ValueError where one of the data sets has fewer than two classes, no images, or other classes
    than the network; for several processes without shards, or more processes than shards.
    """

    def __init__(
        self,
        network: Network,
        train: Dataset,
        val: Dataset,
        out: Path,
        recipe: Recipe,
        *,
        workers: int = 2,
        strict: bool = False,
        images: Listing | None = None,
        origin: Origin | None = None,
        world: Alone | Processes = ALONE,
        on_step: Callable[[Progress], bool] = lambda progress: True,
        on_epoch: Callable[[dict[str, float]], None] = lambda line: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        for dataset in (train, val):
            require_classes(dataset)
            check_classes([network], dataset)
        self.network, self.val, self.out, self.recipe = network, val, out, recipe
        self.workers, self.strict, self.world = workers, strict, world
        self.on_step, self.on_epoch, self.stopping = on_step, on_epoch, stopping
        self.update = Update(network.model, recipe)
        how = Loading(recipe.crops, recipe.seed, workers=workers, strict=strict)
        self.loader, self.batches = batches_of(network, train, recipe, how, world)
        self.at = Position()
        self.images = images
        self.origin = origin or Origin.here(
            data=network.data, device=network.model.device, strict=strict, workers=workers
        )
        self.changes: list[dict[str, Any]] = []
        self.allow_changes = False
        self._began: Origin | None = None
        self._counted = time.process_time()

    @property
    def writes(self) -> bool:
        """Whether this process writes the run's files."""
        return self.world.rank == 0

    @property
    def history(self) -> list[dict[str, float]]:
        """The log: a line for each epoch."""
        return self.at.history

    def run(self) -> bool:
        """Train to the last epoch; False if `on_step` or `stopping` stopped it before.

        FolderInUse if another process trains in the folder, FolderRemoved if it is removed;
        ValueError if a restored run would not reach the weights of an uninterrupted one (other
        images, threads, kernels), unless `allow_changes` was set.
        """
        self._counted = time.process_time()
        with writing_into(self.out) if self.writes else nullcontext():
            self._keep_images()
            while self.at.epoch < self.recipe.epochs:
                if not self._epoch():
                    self._save_checkpoint()
                    return False
            self._save_all()
            return True

    def _keep_images(self) -> None:
        """Write the list of the images; each checkpoint names its digest."""
        train, val = self.loader.dataset, self.val
        images = self.images or listing(train, val, workers=self.workers)
        self.origin = replace(self.origin, images=images.digest)
        unfinished = self.at.epoch < self.recipe.epochs
        if self._began is not None and unfinished and not self.allow_changes:
            require_as_begun(self.out, self._began, self.origin)
        if self.writes:
            save_images(self.out, images)
        self.images = None  # long for large data sets, and not needed any more

    def _epoch(self) -> bool:
        steps = self.batches.steps(self.at.epoch, self.at.next_batch)
        try:
            for step in steps:
                passed_over = self._whole_step(step)
                if self.world.any(not passed_over and not self.on_step(self._progress())):
                    return False
        finally:
            steps.close()
        if not self.at.seen:
            self.loader.refuse_all_bad()
        try:
            self._end_epoch()
        except _Stopped:
            return False
        return True

    def _whole_step(self, step: Step) -> bool:
        """A step; a MemoryError leaves the weights unchanged: the update allocates nothing.

        True for a batch without a readable image, which is passed over.
        """
        require_present(self.out)
        try:
            with np.errstate(all="ignore"):  # a loss that is not finite is reported
                return self._one_step(step)
        except MemoryError as error:
            raise MemoryError(
                f"{error}, at step {self.at.step + 1} with {step.described} in its batch; the "
                "weights are as the step before left them"
            ) from error

    def _one_step(self, step: Step) -> bool:
        """Loss, gradients, update, filters scaled back; True if the batch was passed over."""
        began, model, at = time.perf_counter(), self.network.model, self.at
        self.update.optimizer.lr = self._rate(step.position)
        model.train()
        model.zero_grad()
        due = self._checkpoint_is_due()
        before = self.network.statistics() if due else {}  # this batch changes them

        def checked(loss: float) -> None:
            self._watch.require_finite(loss)
            if due:
                self._save_checkpoint(before)

        found = step.gradients(self.recipe.seed, at.step, checked)
        at.next_batch = step.position + 1
        if found is None:
            return True
        self.update.step()
        at.count(found.images, found.loss, found.correct, time.perf_counter() - began)
        return False

    def _rate(self, position: int) -> float:
        """The learning rate of the batch at `position` of this epoch."""
        return self.update.rate(self.at.epoch, position, len(self.loader))

    def _checkpoint_is_due(self) -> bool:
        """Evaluated after the check of the next loss, so that diverged weights are not kept."""
        every = self.recipe.checkpoint_every
        return bool(every) and self.at.next_batch > 0 and self.at.step % every == 0

    @property
    def _watch(self) -> Watch:
        return Watch(self.out, self.at, self.update.optimizer.lr)

    def _progress(self) -> Progress:
        return self.at.progress(self.recipe.epochs, len(self.loader))

    def _end_epoch(self) -> None:
        """Validate, log, update the learning rate, save."""
        at = self.at
        errors = self._validate()
        self._watch.require_finite(errors.loss)
        line = {
            **at.trained(),
            "val_loss": errors.loss,
            "val_accuracy": 1 - errors.top1,
            "val_top5_accuracy": 1 - errors.top5,
            "lr": self._rate(len(self.loader) - 1),
            **at.speed(),
            "processor_seconds": self._count_processor(),
            "unreadable": len(self.loader.bad),
        }
        self.update.schedule(at.epoch, errors.top1)
        self.at = at.next_epoch(line)
        if self.writes and self.at.epoch in self.recipe.keep_epochs:
            self.network.save(epoch_file(self.out, self.at.epoch))
        self._save_all()
        self.on_epoch(line)

    def _count_processor(self) -> float:
        """Seconds of all cores since the run began; what was not counted yet is added."""
        now = time.process_time()
        self.at.processor += sum(self.world.gather(now - self._counted))
        self._counted = now
        return self.at.processor

    def _validate(self) -> Errors:
        """Errors on the validation set; before a BadImage of `strict` the epoch is saved."""
        try:
            return evaluate(
                [self.network], self.val, workers=self.workers, strict=self.strict,
                bad=self.loader.bad, progress=self._heed, world=self.world,
            )  # fmt: skip
        except (BadImage, Elsewhere) as error:
            if isinstance(error, Elsewhere) and error.kind == _Stopped.__name__:
                raise _Stopped from None
            self._save_checkpoint()
            raise

    def _heed(self, done: int, total: int) -> None:
        """Stop the validation if the user asked for it, or if the folder is gone."""
        require_present(self.out)
        if self.stopping():
            raise _Stopped

    def _save_all(self) -> None:
        """Save the checkpoint first: the other files can be derived from it."""
        self._save_checkpoint()
        if self.writes:
            save_results(self.out, self.network, self.at.history)

    def _save_checkpoint(self, statistics: Mapping[str, np.ndarray] | None = None) -> None:
        """statistics: running ones that are to be stored in place of the network's own."""
        self._watch.require_finite_weights(self.network.model)
        self._count_processor()
        if not self.writes:
            return
        state = {
            "recipe": asdict(self.recipe),
            "position": asdict(self.at),
            "schedule": self.update.schedule.state(),
            # A copy: the threads that prefetch may add to it.
            "unreadable": dict(self.loader.bad),
            "origin": self.origin.as_json(),
            "changes": self.changes,
        }
        velocity = self.update.optimizer.velocity
        save_checkpoint(self.out, self.network, velocity, state, statistics or {})
        forget_other_images(self.out, self.origin.images)

    def restore(self, arrays: dict[str, np.ndarray], state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint; the network's weights are in place already.

        ValueError if the checkpoint belongs to another network or its state is incomplete.
        """
        try:
            at = Position(**state["position"])
            self.update.schedule.load(state["schedule"])
            self.loader.bad.update(state.get("unreadable", {}))
            self.changes = list(state.get("changes", []))
            self._began = Origin.of_json(state["origin"]) if state.get("origin") else None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the checkpoint's state cannot be read: {error!r}") from None
        self.update.restore(arrays)
        self.at = at

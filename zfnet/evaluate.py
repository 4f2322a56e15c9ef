"""Top-1 and top-5 errors, with ten crops and several networks averaged (paper, Table 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from zfnet.data import Batch, Dataset
from zfnet.data.batches import Crops, Loading
from zfnet.network import Network
from zfnet.over_batches import OverBatches
from zfnet.parallel.world import ALONE, Alone, Processes


@dataclass(frozen=True)
class Errors:
    """Shares of images, 0 to 1, and the mean cross-entropy in nats.

    top5: the true class is not among the five most probable; 0 with five classes or fewer.
    """

    images: int
    top1: float
    top5: float
    loss: float

    def __str__(self) -> str:
        return f"top-1 error {self.top1:.2%}, top-5 error {self.top5:.2%}, loss {self.loss:.4f}"


def evaluate(
    networks: Sequence[Network],
    dataset: Dataset,
    *,
    ten_crops: bool = False,
    batch_size: int = 128,
    workers: int = 2,
    strict: bool = False,
    bad: dict[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    world: Alone | Processes = ALONE,
) -> Errors:
    """Errors of the networks' averaged probabilities over a data set.

    Each image's probabilities are averaged over its crops and over the networks. ValueError if the
    networks' classes differ from one another or from the data set's, or no image can be read.
    Unreadable images are left out, with `strict` they raise BadImage; `bad` gets title -> reason.
    world: processes of a training, which share the batches, to the same numbers in each.
    """
    found = predict(
        networks, dataset, ten_crops=ten_crops, batch_size=batch_size, workers=workers,
        strict=strict, bad=bad, progress=progress, world=world,
    )  # fmt: skip
    return errors(*found)


def errors(probabilities: np.ndarray, labels: np.ndarray) -> Errors:
    """Errors of probabilities (N,C) for labels (N,).

    Equal probabilities rank by the class's number, as in argmax, so that a network with constant
    outputs is right by chance only. A NaN ranks before the true class.
    """
    N = len(labels)
    true = probabilities[np.arange(N), labels]
    above = ~(probabilities <= true[:, None])
    tied = (probabilities == true[:, None]) & (np.arange(probabilities.shape[1]) < labels[:, None])
    rank = (above | tied).sum(axis=1)
    loss = -np.log(np.maximum(true.astype(np.float64), np.finfo(np.float64).tiny)).mean()
    return Errors(N, float((rank >= 1).mean()), float((rank >= 5).mean()), float(loss))


def predict(
    networks: Sequence[Network],
    dataset: Dataset,
    *,
    ten_crops: bool = False,
    batch_size: int = 128,
    workers: int = 2,
    strict: bool = False,
    bad: dict[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    world: Alone | Processes = ALONE,
) -> tuple[np.ndarray, np.ndarray]:
    """The mean probabilities (N,C) over crops and networks, and the labels (N,), in order.

    Raises as `evaluate` does.
    """
    check_classes(networks, dataset)
    total: np.ndarray | None = None
    labels = np.empty(0, np.int64)
    for number, network in enumerate(networks):
        crops: Crops = "all" if ten_crops else "centre"
        size = max(1, batch_size // 10) if ten_crops else batch_size
        how = Loading.in_order(crops, workers=workers, strict=strict)
        over = OverBatches(network, dataset, size, how, mean_of_crops)

        def heed(images: int, before: int = number * len(dataset)) -> None:
            if progress:
                progress(before + images, len(networks) * len(dataset))

        skipped: dict[str, str] = {} if bad is None else bad
        if world.size == 1:
            batches = list(over.each(skipped, heed))
        else:
            batches = over.together(world, skipped, heed)
        found = np.concatenate([batch.found for batch in batches])
        labels = np.concatenate([batch.labels for batch in batches])
        total = found if total is None else total + found
    assert total is not None
    return total / len(networks), labels


def mean_of_crops(network: Network, batch: Batch) -> np.ndarray:
    """The mean probabilities (n,C) over the crops of each image."""
    p = network.probabilities(batch.images)
    # (n crops,C) -> (n,crops,C) -> (n,C)
    mean: np.ndarray = p.reshape(len(batch.labels), -1, p.shape[1]).mean(axis=1)
    return mean


def check_classes(networks: Sequence[Network], dataset: Dataset) -> None:
    """ValueError unless every network has the classes of `dataset`, in its order."""
    if not networks:
        raise ValueError("evaluate: at least one network is needed")
    for network in networks:
        network.require_scores("an evaluation")
        if network.classes != tuple(dataset.classes):
            raise ValueError(
                f"the network knows {_some(network.classes)}, the images in {dataset.name} are of "
                f"{_some(dataset.classes)}; they must be the same classes in the same order"
            )


def _some(classes: Sequence[str]) -> str:
    shown = ", ".join(classes[:3]) + (", ..." if len(classes) > 3 else "")
    return f"{len(classes)} classes ({shown})"

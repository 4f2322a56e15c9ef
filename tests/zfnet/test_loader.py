"""Batches: independent of the timing of threads, complete, and cleanly stopped."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from zfnet.data import (
    BadImage,
    Batch,
    Loader,
    Loading,
    Preprocess,
    Truth,
    mean_image,
    ten_crop_batches,
)

pytestmark = pytest.mark.quick

SIDE, SIZE = 9, 6
MEAN = np.random.default_rng(1).uniform(0, 255, (3, SIDE, SIDE)).astype(np.float32)
PREPROCESS = Preprocess(SIZE, SIDE, MEAN)


class Images:
    """Random images in memory, some unreadable; after `free` reads they wait for the gate."""

    name = "memory"
    classes = ("a", "b", "c")

    def __init__(self, count: int, bad: tuple[int, ...] = ()) -> None:
        rng = np.random.default_rng(2)
        self.images = rng.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
        self.bad = bad
        self.reads, self.free, self.gate = 0, 1 << 30, threading.Event()

    def __len__(self) -> int:
        return len(self.images)

    def image(self, index: int) -> np.ndarray:
        self.reads += 1
        if self.reads > self.free:
            self.gate.wait(10)
        if index in self.bad:
            raise BadImage(self.title(index), "torn")
        return self.images[index]

    def label(self, index: int) -> int:
        return index % 3

    def title(self, index: int) -> str:
        return f"{index}.png"

    def truth(self, index: int) -> Truth | None:
        return None


class Broken(Images):
    def image(self, index: int) -> np.ndarray:
        raise RuntimeError("disk on fire")


def epoch(number: int = 0, *, start: int = 0, count: int = 23, **settings: Any) -> list[Batch]:
    bad = settings.pop("bad", ())
    loader = Loader(
        Images(count, bad), PREPROCESS, settings.pop("batch_size", 5), Loading(**settings)
    )
    return list(loader.epoch(number, start))


def assert_same(one: list[Batch], other: list[Batch]) -> None:
    assert [batch.position for batch in one] == [batch.position for batch in other]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.indices, b.indices)
        np.testing.assert_array_equal(a.labels, b.labels)
        np.testing.assert_array_equal(a.images, b.images)


def order(batches: list[Batch]) -> list[int]:
    return [index for batch in batches for index in batch.indices.tolist()]


def data_threads() -> int:
    return sum(thread.name.startswith("zfnet-data") for thread in threading.enumerate())


@pytest.mark.parametrize("crops", ["ten", "random"])
@pytest.mark.parametrize("workers", [1, 4])
def test_batches_do_not_depend_on_the_threads(crops: str, workers: int) -> None:
    alone = epoch(3, crops=crops, workers=0)
    assert_same(epoch(3, crops=crops, workers=workers, prefetch=7), alone)


@pytest.mark.parametrize("start", range(6))
def test_an_epoch_entered_late_gives_the_rest_of_it(start: int) -> None:
    assert_same(epoch(2, start=start), epoch(2)[start:])


def test_every_image_comes_once_an_epoch() -> None:
    assert sorted(order(epoch(1))) == list(range(23))


def test_every_epoch_and_every_seed_has_an_order_of_its_own() -> None:
    orders = [order(epoch(number, seed=seed)) for number in (0, 1) for seed in (0, 1)]
    assert len({tuple(each) for each in orders}) == 4


def test_without_shuffling_the_order_is_that_of_the_data_set() -> None:
    assert order(epoch(4, shuffle=False)) == list(range(23))


def test_the_crop_of_an_image_does_not_depend_on_its_batch() -> None:
    small = {i: x for b in epoch(1, batch_size=2) for i, x in zip(b.indices, b.images, strict=True)}
    for batch in epoch(1, batch_size=23):
        for index, image in zip(batch.indices, batch.images, strict=True):
            np.testing.assert_array_equal(image, small[index])


def test_all_ten_crops_of_an_image_are_visited() -> None:
    loader = Loader(Images(1), PREPROCESS, 1, Loading(workers=0))
    crops = PREPROCESS.ten_crops(Images(1).images[0]).transpose(0, 3, 1, 2)
    visits = [next(loader.epoch(number)).images[0] for number in range(100)]
    seen = {i for x in visits for i in range(10) if np.array_equal(x, crops[i])}
    assert seen == set(range(10))
    assert all(any(np.array_equal(x, crop) for crop in crops) for x in visits)


def test_crops_are_drawn_by_image_and_seed() -> None:
    dataset = Images(20)
    dataset.images[:] = dataset.images[0]
    batches = [
        next(Loader(dataset, PREPROCESS, 20, Loading(seed=seed)).epoch(0)) for seed in (0, 1)
    ]
    one, other = (batch.images[np.argsort(batch.indices)] for batch in batches)
    assert (one != one[0]).any() and (one != other).any()


def test_a_batch_holds_the_images_that_its_indices_name() -> None:
    images = Images(23).images.astype(np.float32)
    for batch in epoch(crops="centre"):
        # (N,H,W,3) -> (N,3,H,W), then the centre 6 of 9
        expected = (images[batch.indices].transpose(0, 3, 1, 2) - MEAN)[:, :, 1:7, 1:7]
        np.testing.assert_array_equal(batch.images, expected)


def test_labels_belong_to_their_images() -> None:
    for batch in epoch(bad=(4, 5, 11)):
        np.testing.assert_array_equal(batch.labels, batch.indices % 3)
        assert batch.labels.dtype == np.int64


@pytest.mark.parametrize("bad", [(), (0, 7)])
def test_images_lie_channels_last_in_memory(bad: tuple[int, ...]) -> None:
    for batch in epoch(bad=bad):
        assert batch.images.shape[1:] == (3, SIZE, SIZE)
        assert batch.images.dtype == np.float32
        assert batch.images.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize(("drop_last", "last"), [(False, [3]), (True, [])])
def test_the_last_batch_is_smaller_or_dropped(drop_last: bool, last: list[int]) -> None:
    assert [len(batch.labels) for batch in epoch(drop_last=drop_last)] == [5, 5, 5, 5, *last]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("count", [5, 9, 10])
def test_the_length_is_the_number_of_batches(count: int, drop_last: bool) -> None:
    loader = Loader(Images(count), PREPROCESS, 5, Loading(drop_last=drop_last))
    assert len(loader) == len(list(loader.epoch(0)))


def test_unreadable_images_are_left_out_and_recorded_with_their_reason() -> None:
    loader = Loader(Images(10, bad=(2, 7)), PREPROCESS, 5)
    assert sorted(order(list(loader.epoch(0)))) == [0, 1, 3, 4, 5, 6, 8, 9]
    assert loader.bad == {"2.png": "torn", "7.png": "torn"}


def test_a_batch_without_readable_images_is_left_out_and_the_others_keep_their_positions() -> None:
    batches = epoch(shuffle=False, count=9, batch_size=3, bad=(3, 4, 5))
    assert [batch.position for batch in batches] == [0, 2]


def test_strict_refuses_the_first_unreadable_image() -> None:
    with pytest.raises(BadImage, match=r"7\.png: torn"):
        epoch(bad=(7,), strict=True)


def test_a_data_set_without_readable_images_is_refused() -> None:
    with pytest.raises(ValueError, match=r"none of the 4 images of memory can be read.*torn"):
        epoch(count=4, bad=(0, 1, 2, 3))


@pytest.mark.parametrize("workers", [0, 2])
def test_other_faults_reach_the_caller(workers: int) -> None:
    with pytest.raises(RuntimeError, match="disk on fire"):
        list(Loader(Broken(4), PREPROCESS, 2, Loading(workers=workers)).epoch(0))


def test_later_epochs_read_nothing_that_the_cache_holds() -> None:
    dataset = Images(20)
    loader = Loader(dataset, PREPROCESS, 5)
    assert_same(list(loader.epoch(0)), list(loader.epoch(0)))
    assert dataset.reads == 20


def test_the_cache_stays_within_its_bytes() -> None:
    dataset = Images(20)
    loader = Loader(dataset, PREPROCESS, 5, Loading(cache_bytes=12 * SIDE * SIDE * 3 + 1))
    list(loader.epoch(0))
    list(loader.epoch(1))
    assert dataset.reads == 20 + (20 - 12)


def test_closing_an_epoch_early_stops_its_threads() -> None:
    batches = Loader(Images(1000), PREPROCESS, 10, Loading(workers=3)).epoch(0)
    next(batches)
    assert data_threads() > 0
    batches.close()
    assert data_threads() == 0


def test_closing_does_not_wait_for_the_rest_of_a_batch() -> None:
    dataset = Images(300)
    dataset.free = 100
    batches = Loader(dataset, PREPROCESS, 100, Loading(workers=1, shuffle=False)).epoch(0)
    next(batches)
    # Opens when close is waiting for the image that is being read.
    threading.Timer(0.3, dataset.gate.set).start()
    batches.close()
    assert dataset.reads <= 100 + 1


def test_ten_crop_batches_give_all_crops_of_every_image_in_order() -> None:
    dataset = Images(7, bad=(3,))
    bad: dict[str, str] = {}
    batches = list(ten_crop_batches(dataset, PREPROCESS, 4, bad=bad))
    assert np.concatenate([indices for _, _, indices in batches]).tolist() == [0, 1, 2, 4, 5, 6]
    crops = [PREPROCESS.ten_crops(dataset.images[i]) for i in (0, 1, 2, 4, 5, 6)]
    expected = np.concatenate(crops).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(np.concatenate([images for images, _, _ in batches]), expected)
    assert bad == {"3.png": "torn"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size = 0"),
        ({"workers": -1}, "workers = -1"),
        ({"seed": -1}, "seed = -1"),
        ({"crops": "five"}, "crops = 'five'"),
        ({"count": 0}, "0 images"),
        ({"drop_last": True, "batch_size": 24}, "no batch of 24"),
        ({"start": 6}, "start 6: an epoch has 5 batches"),
        ({"number": -1}, "epoch -1"),
    ],
)
def test_settings_that_give_no_batches_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        epoch(**settings)


class Hungry(Images):
    """Images of which the first one needs more memory than there is."""

    def image(self, index: int) -> np.ndarray:
        if index == 0:
            raise MemoryError
        return super().image(index)


def test_an_image_without_memory_for_it_is_skipped_by_name_or_refused_if_strict() -> None:
    loader = Loader(Hungry(6), PREPROCESS, 3, Loading(shuffle=False))
    assert [batch.indices.tolist() for batch in loader.epoch(0)] == [[1, 2], [3, 4, 5]]
    assert loader.bad == {"0.png": "it needs more memory than can be had to be prepared"}
    strict = Loader(Hungry(6), PREPROCESS, 3, Loading(strict=True))
    with pytest.raises(BadImage, match=r"0\.png: it needs more memory"):
        list(strict.epoch(0))
    assert mean_image(Hungry(6), SIDE).shape == (3, SIDE, SIDE)

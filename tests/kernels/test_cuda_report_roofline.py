"""Roofline of ZFNet's layers: the network's layers, with work counted by hand."""

from __future__ import annotations

import pytest

from bench import catalogue, layers
from kernels.cuda import roofline
from kernels.cuda.roofline import ZFNET, Convolution, Linear, Machine, Pool, Work, predict

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("batch", roofline.BATCHES)
@pytest.mark.parametrize("layer", [v for v in ZFNET if isinstance(v, Convolution | Pool)])
def test_a_layer_has_the_geometry_that_is_benchmarked(
    layer: Convolution | Pool, batch: int
) -> None:
    timed = {
        v.name: v
        for v in catalogue.LAYERS
        if v.network == "zfnet" and isinstance(v, layers.Convolution | layers.Pool)
    }
    assert layer.geometry(batch) == timed[layer.name].geometry(batch)


def test_its_weights_are_as_many_as_the_papers_network_has() -> None:
    """62,357,608 (`zfnet.model.ZFNet`)."""
    convolutions = sum(v.K * (v.C * v.size**2 + 1) for v in ZFNET if isinstance(v, Convolution))
    linear = sum(v.units * (v.features + 1) for v in ZFNET if isinstance(v, Linear))
    assert convolutions + linear == 62_357_608


def test_conv1_has_the_work_that_is_counted_by_hand() -> None:
    (conv1,) = (v for v in ZFNET if v.name == "conv1")
    taps, pixels = 3 * 7 * 7, 110 * 110
    elements = 3 * 224 * 224 + 96 * taps + 96 + 96 * pixels
    assert conv1.work(1) == Work(2 * 96 * pixels * taps, 4 * elements)


def test_a_pools_switches_are_written_too() -> None:
    (pool5,) = (v for v in ZFNET if v.name == "pool5")
    assert pool5.work(2) == Work(9 * 2 * 256 * 36, 4 * 2 * 256 * (169 + 36 + 36))


def test_weights_are_read_once_for_all_images() -> None:
    (fc8,) = (v for v in ZFNET if v.name == "fc8")
    assert fc8.work(64).bytes - fc8.work(1).bytes == 4 * 63 * (4096 + 1000)


def test_the_slower_of_arithmetic_and_memory_bounds() -> None:
    machine = Machine("made up", operations=100.0, bytes=10.0, source="", date="")
    assert predict(Work(1000, 50), machine) == roofline.Prediction(10.0, "arithmetic")
    assert predict(Work(100, 50), machine) == roofline.Prediction(5.0, "memory")


@pytest.mark.parametrize("machine", [machine.name for machine in roofline.MACHINES])
def test_one_image_is_too_few_for_the_weights_of_the_large_linear_layers(machine: str) -> None:
    bounds = {row.layer: row.predictions[machine].bound for row in roofline.rows(1)}
    assert [bounds[name] for name in ("fc6", "fc7", "fc8")] == ["memory"] * 3


@pytest.mark.parametrize("machine", roofline.MACHINES)
def test_a_machines_numbers_say_where_they_are_from(machine: Machine) -> None:
    assert machine.source
    assert machine.date

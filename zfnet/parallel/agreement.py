"""Agreement of the processes of a run: alike in versions, settings, images, kernels and weights.

Every process has its own copy of the weights and changes it by itself. One that computes otherwise
would drift away unnoticed, so that it is refused before the first step.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from zfnet.data import Dataset
from zfnet.network import Network
from zfnet.origin import Origin
from zfnet.parallel.world import Processes
from zfnet.recipe import Recipe
from zfnet.training_state import Position

SHOWN = 60
"""Characters of a value in a message."""


def require_alike(world: Processes, own: Mapping[str, str]) -> None:
    """ValueError, in all processes, that names each process and each fact by which it differs from
    the first one."""
    first, *others = world.gather(dict(own))
    found = []
    for rank, facts in enumerate(others, start=1):
        differing = [name for name in {**first, **facts} if facts.get(name) != first.get(name)]
        if differing:
            each = ", ".join(_differs(name, facts.get(name), first.get(name)) for name in differing)
            found.append(f"{world.name(rank)} has {each}")
    if found:
        raise ValueError(
            f"the processes do not compute the same: {'; '.join(found)} in {world.name(0)}"
        )


def _differs(name: str, here: str | None, there: str | None) -> str:
    return f"{name} {_shown(here)} and not {_shown(there)}"


def _shown(value: str | None) -> str:
    text = "nothing" if value is None else value
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def facts(
    network: Network, recipe: Recipe, origin: Origin, at: Position, sets: Sequence[Dataset]
) -> dict[str, str]:
    """What decides the numbers of a process's training, by name."""
    options = {f"--{name.replace('_', '-')}": str(value) for name, value in asdict(recipe).items()}
    of_origin = {
        "--data": origin.data,
        "--device": origin.device,
        "--strict": str(origin.strict),
        "the digest of the images' contents": origin.images[:12],
    }
    return {
        **of_code(origin),
        **options,
        **of_origin,
        "the digest of the images' names and classes": _names(sets),
        "the digest of the network": _network(network),
        "the position": f"epoch {at.epoch}, batch {at.next_batch}, step {at.step}",
    }


def of_code(origin: Origin) -> dict[str, str]:
    """What computes in a process, by name."""
    return {
        "Python": platform.python_version(),
        **origin.versions,
        "the digest of the kernels and layers": origin.code,
        "the processor": origin.processor,
        "the number of --threads": str(origin.threads),
    }


def _names(sets: Sequence[Dataset]) -> str:
    found = hashlib.sha256()
    for dataset in sets:
        for index in range(len(dataset)):
            line = json.dumps([dataset.title(index), dataset.label(index)])
            found.update(line.encode())
        found.update(b"\n")
    return found.hexdigest()[:12]


def _network(network: Network) -> str:
    """Of weights, mean image and settings."""
    found = hashlib.sha256(json.dumps(network.metadata()).encode())
    arrays: dict[str, Any] = network.arrays()
    for name in sorted(arrays):
        found.update(name.encode())
        found.update(np.ascontiguousarray(arrays[name]).tobytes())
    return found.hexdigest()[:12]

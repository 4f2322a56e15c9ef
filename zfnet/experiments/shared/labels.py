"""Class names: lookup for a user's names, and a network's labels for a data set's images."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from zfnet.data import Dataset
from zfnet.network import Network

LISTED = 20
"""Names in an error message; of more, similar names and the first ones are listed."""


def class_named(classes: Sequence[str], name: str, owner: str) -> int:
    """The number of the class `name`; a ValueError lists the classes of `owner`."""
    if name in classes:
        return list(classes).index(name)
    raise ValueError(f"{owner} has no class {name!r}; {_those_there_are(classes, name)}")


def true_label(network: Network, dataset: Dataset, index: int) -> int | None:
    """The network's number of an image's class, by name; None without a label or such a class."""
    label = dataset.label(index)
    name = dataset.classes[label] if label >= 0 else None
    return network.classes.index(name) if name in network.classes else None


def _those_there_are(classes: Sequence[str], name: str) -> str:
    if not classes:
        return "it has no classes"
    if len(classes) <= LISTED:
        return f"there are {', '.join(classes)}"
    alike = difflib.get_close_matches(name, classes, n=3)
    named = f"spelled alike are {', '.join(alike)}; " if alike else ""
    return f"{named}there are {len(classes)}: {', '.join(classes[:LISTED])}, ..."

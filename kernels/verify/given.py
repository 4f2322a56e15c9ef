"""Geometries that a user names: a layer of a published network, or sizes written out.

    vgg16.conv3_1
    N=1 C=64 H=56 W=56 K=64 R=3 S=3 stride=1 padding=1

A text is read for every operation whose sizes it has: a convolution's for its gradients too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from kernels.contract.norm_geometry import LRNGeometry
from kernels.verify.forms import CONVOLVED, FORMS, POOLED, RESPONDING, Value
from kernels.verify.strata import networks
from kernels.verify.strata.layers import ALIKE, CONVOLUTIONS, MATRICES, POOLS, RESPONSES
from kernels.verify.strata.stages import stages

EXAMPLE = "N=1 C=64 H=56 W=56 K=64 R=3 S=3 stride=1 padding=1"


@dataclass(frozen=True)
class Given:
    """A named geometry: the text that names it, and for each operation its geometries. A stage has
    one for each kernel that may compute its convolution."""

    text: str
    geometries: Mapping[str, tuple[Any, ...]]


def for_operation(given: Sequence[Given], operation: str) -> tuple[Any, ...]:
    """The geometries of one operation, in their order, each once."""
    return tuple(dict.fromkeys(g for one in given for g in one.geometries.get(operation, ())))


def read(
    layers: Sequence[str] | None, geometries: Sequence[str] | None, operations: str | None
) -> list[Given]:
    """What the options --layer and --geometry name, beside the operations of --op."""
    asked = operations.split(",") if operations else []
    return [*map(layer, layers or ()), *(geometry(text, asked) for text in geometries or ())]


def layer(name: str) -> Given:
    """The layer of that name on one image; ValueError lists the names that there are."""
    known = layers()
    if name in known:
        return Given(name, known[name])
    near = get_close_matches(name, known, 3)
    hint = f"; nearest are {', '.join(near)}" if near else ""
    raise ValueError(f"there is no layer {name!r}{hint}; there are {', '.join(known)}")


def layers() -> dict[str, dict[str, tuple[Any, ...]]]:
    """Name -> operation -> geometries, of all layers that have a name."""
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for conv in (*CONVOLUTIONS, *ALIKE):
        g = networks.convolution(conv)
        found[conv.name] = dict.fromkeys(CONVOLVED, (g,))
        if conv.name in networks.POOLED:
            pooled = tuple(stages([(g, networks.POOLED[conv.name])]))
            found[conv.name] |= {"conv_relu_pool": pooled}
    for pool in POOLS:
        found[pool.name] = dict.fromkeys(POOLED, (networks.pool(pool),))
    for name, (C, H) in RESPONSES.items():
        found[name] = dict.fromkeys(RESPONDING, (LRNGeometry.of((1, C, H, H)),))
    for name, sizes in MATRICES.items():
        found[name] = {"matmul": (sizes,)}
    return dict(sorted(found.items()))


def geometry(text: str, operations: Sequence[str] = ()) -> Given:
    """The geometry written as `name=value` words; ValueError says what is wrong with it.

    operations: those that are judged, whose form the error shows; all unless given.
    """
    try:
        return Given(text, _of_operations(_words(text), operations))
    except ValueError as error:
        raise ValueError(f"--geometry {text!r}: {error}") from None


def _of_operations(
    values: dict[str, Value], asked: Sequence[str] = ()
) -> dict[str, tuple[Any, ...]]:
    """The geometries of all operations that have just these sizes."""
    wrong = {operation: form.amiss(values) for operation, form in FORMS.items()}
    fitting = [operation for operation, amiss in wrong.items() if not amiss]
    if fitting:
        return {operation: FORMS[operation].made(values) for operation in fitting}
    nearest = [operation for operation in asked if operation in FORMS] or FORMS
    named = max(
        nearest, key=lambda o: len(FORMS[o].names & set(values)) - len(FORMS[o].needed) / 99
    )
    raise ValueError(f"for {named} {wrong[named]}; its form is {FORMS[named].shown}")


def _words(text: str) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not (name and equals and value) or name in values:
            why = "is given twice" if name in values else "is not name=value"
            raise ValueError(f'{word!r} {why}; a geometry is written as "{EXAMPLE}"')
        values[name] = _value(word, value)
    if not values:
        raise ValueError(f'it is empty; a geometry is written as "{EXAMPLE}"')
    return values


def _value(word: str, value: str) -> Value:
    """A number, several of them joined by x or a comma, True or False, or a word."""
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    if value[0] not in "-+.0123456789":
        return value
    try:
        numbers = tuple(_number(part) for part in value.replace("x", ",").split(","))
    except ValueError:
        raise ValueError(
            f"{word!r} is no number, and no numbers joined by x or a comma, such as 3 or 3x1"
        ) from None
    return numbers[0] if len(numbers) == 1 else numbers


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)

"""Layers whose features are classified: the paper's by their numbers, others by their names.

A network of the paper's kind has layers 1 to 7. Any other network has names only. Its default here
is one layer for each resolution of the trunk, the last before the planes get smaller, and the
input of the scores: the ends of the stages of a residual network, and its global average.
"""

from __future__ import annotations

from collections.abc import Sequence

from minidl import nn
from zfnet.inspectable import InspectableGraph

Key = int | str
"""The paper's number of a layer, or the layer's own name."""
PAPER = (1, 2, 3, 4, 5, 7)
"""The layers of Table 7."""
COUNT = 6
"""As many layers as Table 7 has, where a network does not suggest them by itself."""


def layer_output(model: InspectableGraph, number: int) -> str:
    """The name of the output of layer `number` of the paper's seven: pool1 or norm1, ..., relu7.

    ValueError, with the existing layers, if the network has no such layer.
    """
    if not isinstance(model, nn.Sequential):
        raise ValueError(
            f"the network has no layer {number}: its layers have names, such as "
            f"{', '.join(stages(model))}"
        )
    names = [name for name, layer in model.children() if not isinstance(layer, nn.Dropout)]
    own = [name for name in names if name.endswith(str(number))]
    if not own:
        there = sorted({int(name[-1]) for name in names if name[-1].isdecimal()})
        raise ValueError(f"the network has no layer {number}, only {', '.join(map(str, there))}")
    return own[-1]


def chosen(model: InspectableGraph, given: Sequence[Key] = ()) -> dict[Key, str]:
    """The layers by the paper's number or their own name, from the first to the last.

    given: numbers or names; empty: Table 7's layers, or the `stages` of a network without numbers.
    ValueError for one that does not exist, or for fewer than two.
    """
    keys: Sequence[Key] = given or (PAPER if isinstance(model, nn.Sequential) else stages(model))
    order = model.layer_names()
    found = {key: _output(model, key) for key in dict.fromkeys(keys)}
    if len(set(found.values())) < 2:
        raise ValueError(f"layers {list(keys)}: at least two are compared")
    return dict(sorted(found.items(), key=lambda item: order.index(item[1])))


def top(model: InspectableGraph, given: Key | None = None) -> str:
    """The layer that is given, or the one below the scores: layer 7 of the paper's network."""
    if given is not None:
        return _output(model, given)
    return layer_output(model, 7) if isinstance(model, nn.Sequential) else model.top_features


def stages(model: InspectableGraph) -> list[str]:
    """The last layer of each resolution on the trunk, then the scores' input.

    Where the resolution never changes, as between the tokens of a transformer, layers at even
    distances.
    """
    trunk, top_features, layers = model.trunk(), model.top_features, dict(model.children())
    trunk = trunk[: trunk.index(top_features)]
    weighted = [i for i, n in enumerate(trunk) if isinstance(layers[n], nn.Conv2d | nn.Linear)]
    trunk = trunk[[*weighted, 0][0] :]  # (what is before prepares the image)
    places = [_places(model.shapes()[name]) for name in trunk]
    ends = [i for i, size in enumerate(places) if size > 1 and size not in places[i + 1 : i + 2]]
    names = [trunk[i] for i in ends]
    if len(names) < 2:
        kinds = (nn.Add, nn.Concatenate)
        joins = [name for name in trunk if isinstance(layers[name], kinds)]
        names = _evenly(joins if len(joins) >= COUNT - 1 else trunk, COUNT - 1)
    return [*names, top_features]


def _places(shape: Sequence[int]) -> int:
    """P Q of planes (K,P,Q), L of tokens (L,D), and 1 of features (D,)."""
    if len(shape) == 3:
        return shape[1] * shape[2]
    return shape[0] if len(shape) == 2 else 1


def _evenly(names: Sequence[str], count: int) -> list[str]:
    """At most `count` of the names, at even distances, the last among them."""
    count = min(count, len(names))
    return [names[(i + 1) * len(names) // count - 1] for i in range(count)]


def _output(model: InspectableGraph, key: Key) -> str:
    """The layer of that name, or the output of the paper's layer of that number."""
    names = model.layer_names()
    if str(key) in names:
        return str(key)
    if str(key).isdecimal() and isinstance(model, nn.Sequential):
        return layer_output(model, int(key))
    raise ValueError(f"no layer {key!r}; the layers are {', '.join(names)}")


def keys(text: str) -> tuple[Key, ...]:
    """ "1,2,7" -> (1, 2, 7); "stem/relu, mean" -> ("stem/relu", "mean"); "" -> ()."""
    parts = (part.strip() for part in text.split(","))
    return tuple(int(part) if part.isdecimal() else part for part in parts if part)

"""Functions of PyTorch whose weights are inputs, as they stand in a traced graph.

    y = F.conv2d(x, w, b, stride=2)

They are described as the layer of that name is, with the inputs as its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Said = dict[str, Any]


def axes(value: Any, count: int) -> list[int]:
    """A setting with a number for each axis."""
    return [int(value)] * count if isinstance(value, int) else [int(v) for v in value]


def _given(node: Any, names: Sequence[str]) -> dict[str, Any]:
    """The arguments of a call by name."""
    return {**dict(zip(names, node.args, strict=False)), **node.kwargs}


def _weights(given: Mapping[str, Any], *names: str) -> dict[str, str]:
    """The names of the inputs, or of parameters, that are weights."""
    found = {}
    for name in names:
        node = given.get(name)
        if node is None:
            continue
        if getattr(node, "op", "") not in ("placeholder", "get_attr"):
            raise ValueError(f"the {name} is neither an input nor a parameter")
        found[name] = str(node.target)
    return found


def _convolution(count: int) -> Callable[..., Said]:
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")

    def read(model: Any, node: Any, last: Any, inputs: Any) -> Said:
        given = _given(node, names)
        if isinstance(given.get("padding"), str):
            raise ValueError(f"padding {given['padding']!r} is not read, only numbers")
        settings = {
            "size": None,  # of the weights, whose shape is known when inputs are
            "stride": axes(given.get("stride", 1), count),
            "padding": axes(given.get("padding", 0), count),
            "dilation": axes(given.get("dilation", 1), count),
            "groups": int(given.get("groups", 1)),
        }
        return {"kind": "conv", "settings": settings, "weights": _weights(given, "weight", "bias")}

    return read


def _transposed(count: int) -> Callable[..., Said]:
    names = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")

    def read(model: Any, node: Any, last: Any, inputs: Any) -> Said:
        given = _given(node, names)
        settings = {
            "size": None,
            "stride": axes(given.get("stride", 1), count),
            "padding": axes(given.get("padding", 0), count),
            "output_padding": axes(given.get("output_padding", 0), count),
            "dilation": axes(given.get("dilation", 1), count),
            "groups": int(given.get("groups", 1)),
        }
        weights = _weights(given, "weight", "bias")
        return {"kind": "conv_transpose", "settings": settings, "weights": weights}

    return read


def _pool(count: int, kind: str) -> Callable[..., Said]:
    after = {"max_pool": ("dilation", "ceil_mode", "return_indices"),
             "avg_pool": ("ceil_mode", "count_include_pad", "divisor_override")}[kind]  # fmt: skip
    names = ("input", "kernel_size", "stride", "padding", *after)

    def read(model: Any, node: Any, last: Any, inputs: Any) -> Said:
        given = _given(node, names)
        unread = ("ceil_mode", "return_indices", "divisor_override")
        if any(given.get(name) for name in unread):
            raise ValueError(f"{', '.join(unread)} of a pooling are not read")
        size = given["kernel_size"]
        settings: Said = {
            "size": axes(size, count),
            "stride": axes(given.get("stride") or size, count),
            "padding": axes(given.get("padding", 0), count),
            "dilation": axes(given.get("dilation", 1), count),
            "groups": 1,
        }
        if kind == "avg_pool":
            settings["count_include_pad"] = bool(given.get("count_include_pad", True))
        return {"kind": kind, "settings": settings, "weights": {}}

    return read


def _linear(model: Any, node: Any, last: Any, inputs: Any) -> Said:
    given = _given(node, ("input", "weight", "bias"))
    return {"kind": "linear", "settings": {}, "weights": _weights(given, "weight", "bias")}


def _softmax(model: Any, node: Any, last: Any, inputs: Any) -> Said:
    given = _given(node, ("input", "dim"))
    axis = given.get("dim", -1)
    return {"kind": "softmax", "settings": {"axis": -1 if axis is None else axis}, "weights": {}}


def _layer_norm(model: Any, node: Any, last: Any, inputs: Any) -> Said:
    given = _given(node, ("input", "normalized_shape", "weight", "bias", "eps"))
    settings = {"eps": given.get("eps", 1e-5), "shape": list(given["normalized_shape"])}
    weights = _weights(given, "weight", "bias")
    return {"kind": "layer_norm", "settings": settings, "weights": weights}


def _same(model: Any, node: Any, last: Any, inputs: Any) -> None:
    """A method that changes no value: the type is that of the operands in every step."""


ARRAYS: dict[str, Callable[..., Said | None]] = {
    **{f"conv{n}d": _convolution(n) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _transposed(n) for n in (1, 2, 3)},
    **{f"{kind}{n}d": _pool(n, kind) for n in (1, 2, 3) for kind in ("max_pool", "avg_pool")},
    "linear": _linear,
    "softmax": _softmax,
    "layer_norm": _layer_norm,
    **dict.fromkeys(("contiguous", "clone", "detach", "to", "float"), _same),
}
"""By the name of the function or method."""

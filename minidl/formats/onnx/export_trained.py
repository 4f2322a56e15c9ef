"""Export of pools to a given size, of convolutions of sequences, and of dropout in inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minidl import nn
from minidl.formats.onnx.writing import Writer, Writing, plain


def _pool_to(whole: str, windows: str) -> Writer:
    """Operator `whole` for one value a plane, else `windows` that divide the plane."""

    def write(
        writing: Writing, name: str, layer: nn.AdaptiveAvgPool2d, inputs: Sequence[str]
    ) -> None:
        size = layer.settings["output_size"]
        wanted = (size, size) if size is None or isinstance(size, int) else tuple(size)
        if wanted == (1, 1):
            writing.node(whole, name, inputs)
            return
        plane = writing.shapes[inputs[0]][1:]  # (C,H,W) -> (H,W)
        sizes = [have if want is None else want for want, have in zip(wanted, plane, strict=True)]
        if any(have % want for want, have in zip(sizes, plane, strict=True)):
            raise ValueError(
                f"layer {name!r} pools a plane of {plane} to {tuple(sizes)}, in windows of several "
                "sizes, which ONNX has no operator for; a size that divides the plane can be"
            )
        window = [have // want for want, have in zip(sizes, plane, strict=True)]
        writing.node(windows, name, inputs, kernel_shape=window, strides=window)

    return write


def _sequence(writing: Writing, name: str, layer: nn.Conv1d, inputs: Sequence[str]) -> None:
    constants = [writing.constant(f"{name}.weight", layer.weight._array)]
    if layer.bias is not None:
        constants.append(writing.constant(f"{name}.bias", layer.bias._array))
    given = layer.settings
    writing.node(
        "Conv", name, [*inputs, *constants], strides=[given["stride"]],
        pads=[given["padding"]] * 2, dilations=[given["dilation"]], group=given["groups"],
    )  # fmt: skip


TRAINED: Mapping[type[nn.Module], Writer] = {
    nn.Dropout2d: plain("Identity"),
    nn.AdaptiveAvgPool2d: _pool_to("GlobalAveragePool", "AveragePool"),
    nn.AdaptiveMaxPool2d: _pool_to("GlobalMaxPool", "MaxPool"),
    nn.Conv1d: _sequence,
}

"""`zfnet import`: conversion of a network from another program into a run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from kernels.storage.folders import in_use
from kernels.terminal.progress import say
from minidl.formats.onnx.reading import read_outputs
from zfnet.cli.groups import grouped
from zfnet.cli.options import whole_numbers
from zfnet.cli.show import preprocessing_sentence, what_it_gives
from zfnet.importing import (
    InputFormat,
    import_network,
    input_format,
    kind_of,
    own_size,
    read_classes,
)
from zfnet.network import FILE, Network

Fit = Literal["centre", "warp"]
Channels = Literal["rgb", "bgr"]


@dataclass(frozen=True)
class FormOptions:
    """How images become the network's input."""

    size: Annotated[
        str | None,
        typer.Option(
            help="Side of its input in pixels, or rows and columns as 48,320 (default: the file's, "
            "or 224)."
        ),
    ] = None
    resize: Annotated[
        int | None, typer.Option(help="Side of the square that this is cut from (for 224: 256).")
    ] = None
    fit: Annotated[
        Fit | None, typer.Option(help="The centre square of the image, or all of it, warped.")
    ] = None
    channels: Annotated[
        Channels | None, typer.Option(help="The order in which the network takes the colours.")
    ] = None
    mean: Annotated[
        str | None, typer.Option(help="Of red, green and blue in 0..255: 123,117,104.")
    ] = None
    std: Annotated[str | None, typer.Option(help="Of the same; the input is divided by it.")] = None

    def form(self, file: Path, preset: str | None) -> InputFormat:
        """The preset's form with these changes; weights of torchvision have a preset by default."""
        if preset is None and self.mean is None and kind_of(file) != "onnx":
            preset = "torchvision"
        plane = own_size(file) if self.size is None else _plane(self.size)
        return input_format(
            preset,
            _three(self.mean, "--mean"),
            size=None if plane is None else max(plane),
            plane=None if plane is None or plane[0] == plane[1] else plane,
            resize=self.resize,
            fit=self.fit,
            bgr=None if self.channels is None else self.channels == "bgr",
            std=_three(self.std, "--std"),
        )


@grouped
def import_command(
    *,
    file: Annotated[
        Path,
        typer.Argument(
            help="An ONNX file, or torchvision's AlexNet or VGG (.pth, .safetensors).",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="The run's folder to write.")],
    preset: Annotated[
        str | None,
        typer.Option(
            help="What it was trained on: caffe, googlenet or torchvision (default for .pth)."
        ),
    ] = None,
    classes: Annotated[
        Path | None, typer.Option(help="A file with one class a line, in the scores' order.")
    ] = None,
    options: FormOptions,
    output: Annotated[
        str | None,
        typer.Option(help="The output to look into, of a network with several (the first)."),
    ] = None,
    fold: Annotated[
        bool, typer.Option("--fold", help="Multiply batch normalisations into convolutions.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a network in --out.")] = False,
) -> None:
    """Convert a network that was trained elsewhere into a run for the other commands."""
    _require_free(out, force)
    form = options.form(file, preset)
    names = None if classes is None else read_classes(classes)
    network = import_network(file, form, names, fold=fold, output=output)
    _save(network, out)
    model = network.model
    say(
        f"{file.name}: {len(model.layer_names())} layers, {model.parameter_count:,} parameters, "
        f"{what_it_gives(network)}."
    )
    for line in _other_outputs(file, output):
        say(line)
    say(preprocessing_sentence(network))
    say(f"The network is {(out / FILE).resolve()}. Look at its layers: zfnet show {out}")
    say(f"Their strongest activations: zfnet features --model {out} --data FOLDER")


def _require_free(out: Path, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: --out takes the name of a folder")
    if (out / FILE).exists() and not force:
        raise ValueError(f"{out / FILE} is there already: give another --out, or --force")


def _save(network: Network, out: Path) -> None:
    """Save into the folder; a folder that was made for it is removed if that fails."""
    with in_use(out):
        network.save(out)


def _other_outputs(file: Path, chosen: str | None) -> Iterator[str]:
    """A sentence about the outputs of a file with several."""
    names = read_outputs(file) if kind_of(file) == "onnx" else ()
    if len(names) > 1:
        taken = names[0] if chosen is None else chosen
        others = ", ".join(name for name in names if name != taken)
        yield f"Its output {taken} was taken; --output takes another one: {others}."


def _plane(text: str) -> tuple[int, int]:
    """ "224" -> (224, 224), "48,320" -> (48, 320)."""
    sizes = whole_numbers(text, "--size")
    if len(sizes) not in (1, 2) or min(sizes) < 1:
        raise ValueError(f"--size takes a side, 224, or rows and columns, 48,320, got {text!r}")
    return sizes[0], sizes[-1]


def _three(text: str | None, option: str) -> tuple[float, ...] | None:
    """ "123,117,104" -> (123.0, 117.0, 104.0)."""
    if text is None:
        return None
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) != 3:
        raise ValueError(f"{option} takes three numbers with commas, 123,117,104, got {text!r}")
    return found

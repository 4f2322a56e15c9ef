"""`zfnet look`: an interactive page of a network in the browser, computed live."""

from __future__ import annotations

import os
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from zfnet.cli.groups import grouped
from zfnet.cli.import_ import FormOptions
from zfnet.cli.options import open_network
from zfnet.importing import import_network, read_classes
from zfnet.look.gallery import Gallery, found_images
from zfnet.look.serving import serve
from zfnet.look.session import Opened, Session


@dataclass(frozen=True)
class TrainedOn:
    """What an ONNX file does not say: its preprocessing and its classes."""

    preset: Annotated[
        str | None,
        typer.Option(
            help="Of an ONNX file, what it was trained on: caffe, googlenet, torchvision."
        ),
    ] = None
    classes: Annotated[
        Path | None, typer.Option(help="Of an ONNX file, its classes, one a line.")
    ] = None


@grouped
def look_command(
    *,
    images: Annotated[
        list[Path] | None,
        typer.Argument(help="Pictures, or folders of them (default: two photographs)."),
    ] = None,
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help="A run's folder, a network's file or an ONNX file; given twice, two networks side "
            "by side (default: the pretrained one)."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the page's address (0: a free one).")
    ] = 0,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the top nine and their pages (default: in the user's cache)."
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
    trained: TrainedOn,
    options: FormOptions,
) -> None:
    """Look into a network in the browser: maps, projections, occlusion, live."""
    given = [None] if not model else list(model)
    if len(given) > 2:
        raise ValueError(f"--model was given {len(given)} times; two networks fit side by side")
    opened = [_opened(each, trained, options) for each in given]
    session = Session(opened, Gallery(found_images(images or [])), keep or _cache())

    def ready(address: str) -> None:
        say(f"The page is {address} (Ctrl-C ends it).")
        if browser:
            webbrowser.open(address)

    serve(session, port, ready)


def _cache() -> Path:
    """The folder of this command in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "zfnet" / "look"


def _opened(model: Path | None, trained: TrainedOn, options: FormOptions) -> Opened:
    """The network of one --model."""
    if model is None or model.suffix.lower() != ".onnx":
        return Opened(*open_network(model))
    names = None if trained.classes is None else read_classes(trained.classes)
    form = options.form(model, trained.preset)
    return Opened(import_network(model, form, names), model.name)

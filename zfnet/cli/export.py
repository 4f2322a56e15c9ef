"""`zfnet export`: a network as an ONNX file, or its weights for PyTorch."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from minidl import serialize
from minidl.formats.onnx.export import save_onnx
from minidl.formats.torchvision import to_state_dict
from zfnet.cli.options import open_network
from zfnet.network import Network


def export_command(
    model: Annotated[
        Path | None,
        typer.Argument(help="A run's folder or a network's file (default: the pretrained one)."),
    ] = None,
    onnx: Annotated[Path | None, typer.Option(help="The ONNX file to write.")] = None,
    safetensors: Annotated[
        Path | None, typer.Option(help="The file for the weights, by PyTorch's names.")
    ] = None,
) -> None:
    """Write a network to ONNX, or its weights under the names that PyTorch would have for them."""
    if onnx is None and safetensors is None:
        raise ValueError("say what to write: --onnx FILE, --safetensors FILE, or both")
    network, called = open_network(model)
    S = network.model.image_size
    if onnx is not None:
        _check_that_onnx_is_here(onnx)
        save_onnx(network.model, onnx, (3, S, S), _metadata(network))
        say(
            f"{called} is in {onnx.resolve()}: it takes `image`, N x 3 x {S} x {S}, preprocessed, "
            f"and gives `scores`, N x {network.model.num_classes}, before a softmax. How images "
            "are prepared and the classes' names are in its metadata."
        )
    if safetensors is not None:
        serialize.save(safetensors, to_state_dict(network.model))
        say(f"The weights of {called} are in {safetensors.resolve()}, named as in PyTorch.")


def _check_that_onnx_is_here(file: Path) -> None:
    if not find_spec("onnx"):
        raise ValueError(f"writing {file} needs the package onnx: pip install -e '.[onnx]'")


def _metadata(network: Network) -> dict[str, str]:
    mean = network.preprocess.mean.mean(axis=(1, 2)).tolist()
    return {
        "preprocess": json.dumps(network.preprocess.settings() | {"mean of R, G, B": mean}),
        "classes": json.dumps(network.classes),
    }

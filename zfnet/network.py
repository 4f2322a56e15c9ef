"""A trained network as a file: weights, architecture, preprocessing and class names together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kernels.terminal.printable import printable
from kernels.terminal.sentences import shortened
from minidl import functional as F
from minidl import no_grad, serialize
from minidl.sharing import converted
from zfnet.architectures import NamedNet
from zfnet.data import Dataset, Preprocess
from zfnet.imported import Imported
from zfnet.inspectable import InspectableGraph
from zfnet.model import ConvNet, as_json, build

FORMAT = "zfnet network 1"
FILE = "model.safetensors"


@dataclass(eq=False)
class Network:
    """A model with its preprocessing and its class names.

    data: the data set that it was trained on, as `open_dataset` takes it.
    """

    model: InspectableGraph
    preprocess: Preprocess
    classes: tuple[str, ...]
    data: str = ""

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Preprocessed images (N,3,S,S) -> softmax (N,C), dropout off.

        Both are on the CPU; the computation is on the device of the weights.
        """
        self.require_scores("the probability of a class")
        self.model.eval()
        with no_grad():
            return F.softmax(self.model(self.model.input_tensor(images))).numpy()

    def require_scores(self, what: str) -> None:
        """ValueError, in which `what` names the need, unless the network gives scores (N,C)."""
        model = self.model
        if not model.has_scores:
            shape = " x ".join(map(str, model.shapes()[model.output]))
            raise ValueError(
                f"{what} needs scores of classes, and this network gives none: its output "
                f"{model.output} is {shape}; show, features and project look into it"
            )

    def learned_from(self, dataset: Dataset) -> bool:
        """Whether it was trained on this data set: by the folder's name, whatever its path, or
        because the data set has all of the network's classes."""
        if dataset.classes and set(self.classes) <= set(dataset.classes):
            return True
        return bool(self.data) and Path(self.data).name == Path(dataset.name).resolve().name

    def statistics(self) -> dict[str, np.ndarray]:
        """Copies of the running statistics, by name: what a forward pass of training changes."""
        return {name: buffer.data.copy() for name, buffer in self.model.named_buffers()}

    def arrays(self) -> dict[str, np.ndarray]:
        return {**self.model.state_dict(), "preprocess.mean": self.preprocess.mean}

    def metadata(self) -> dict[str, str]:
        described = {
            **_architecture(self.model),
            "preprocess": self.preprocess.settings(),
            "classes": self.classes,
            "data": self.data,
        }
        return {"format": FORMAT, "network": json.dumps(described)}

    def save(self, path: Path, *, half: bool = False) -> None:
        """Write the network to a file, or to model.safetensors in a folder that exists.

        half: the weights are rounded to float16, half the size; computation stays in float32.
              Running statistics are kept as they are: a variance may be too large.
        """
        arrays = self.arrays()
        if half:
            exact = {n: arrays.pop(n) for n, _ in self.model.named_buffers()}
            arrays = converted(arrays, lambda array: array.astype(np.float16)) | exact
        serialize.save(path / FILE if path.is_dir() else path, arrays, self.metadata())


def load(path: str | Path) -> Network:
    """The network in a run's folder or in a file that `Network.save` wrote.

    FileNotFoundError without one; ValueError if the file is damaged, of another kind, or if its
    weights do not fit the architecture that it names.
    """
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"no network at {path}: expected a folder with {FILE} that `zfnet train` wrote, or "
            "such a file"
        )
    return from_arrays(*serialize.load(file), source=str(file))


def from_arrays(
    arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str], source: str
) -> Network:
    """The network that `arrays` and `metadata` of a file named `source` describe."""
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{source} is not a network of zfnet: its format is {metadata.get('format')!r}, "
            f"expected {FORMAT!r}"
        )
    try:
        described: dict[str, Any] = json.loads(metadata["network"])
        weights = converted(arrays, _working)
        preprocess = Preprocess.from_settings(
            described["preprocess"], weights.pop("preprocess.mean")
        )
        model = _model(described, weights).eval()
        classes = tuple(printable(str(name)) for name in described["classes"])
        if len(classes) != model.num_classes:
            raise ValueError(f"{len(classes)} classes for {model.num_classes} outputs")
        if model.image_size != preprocess.image_size:
            raise ValueError(
                f"its preprocessing makes images of {preprocess.image_size} pixels, it takes "
                f"{model.image_size}"
            )
        data = str(described.get("data", ""))
    except RecursionError:
        raise ValueError(
            f"{source} cannot be read as a network: its description is nested too deeply"
        ) from None
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"{source} cannot be read as a network: {shortened(error)}") from None
    return Network(model, preprocess, classes, data)


def _architecture(model: InspectableGraph) -> dict[str, Any]:
    """The model's description: our networks' settings, or a graph's layers and connections."""
    if isinstance(model, Imported):
        return {"imported": model.described()}
    if isinstance(model, NamedNet):
        return {"named": model.described()}
    assert isinstance(model, ConvNet)
    return {"settings": as_json(model.settings)}


def _model(described: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> InspectableGraph:
    if "imported" in described:
        return Imported.from_description(described["imported"], weights)
    if "named" in described:
        return NamedNet.from_description(described["named"], weights)
    model = build(described["settings"], {name: array.shape for name, array in weights.items()})
    model.load_state_dict(weights)
    return model


def require_conv_net(network: Network, what: str) -> ConvNet:
    """The model, if `zfnet train` built it; else a ValueError in which `what` names the need."""
    if not isinstance(network.model, ConvNet):
        raise ValueError(
            f"{what} needs a network of zfnet's own kind, a ZFNet or an AlexNet; this one "
            f"{_origin(network.model)}"
        )
    return network.model


def _origin(model: InspectableGraph) -> str:
    """A network of another kind, for a message."""
    return f"is a {model.settings.network}" if isinstance(model, NamedNet) else "was imported"


def _working(array: np.ndarray) -> np.ndarray:
    """Float32, in which the network computes, from half precision."""
    return array.astype(np.float32) if array.dtype == np.float16 else array

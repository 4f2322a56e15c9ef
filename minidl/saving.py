"""Tensors and nested settings in one file: `minidl.save`, `minidl.load`, for checkpoints.

The file is safetensors, written beside the target and renamed, with a checksum (`serialize.py`).
Arrays have their paths as names, "optimizer.state.0.exp_avg"; a text holds what is around them, as
JSON. Nothing in a file is executed: only tensors, arrays, numbers, texts, and mappings, lists and
tuples of them are ever made of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minidl import device as devices
from minidl import dtypes, serialize
from minidl.formats.pickled import read_pth
from minidl.tensor import Tensor, plain

STRUCTURE = "structure"
"""The name of the text that holds the structure."""
DEPTH = 100
Tree = dict[str, Any]


def save(obj: Any, path: str | os.PathLike[str]) -> None:
    """Write tensors, arrays, numbers, texts, None, and mappings, lists and tuples of them.

    A crash keeps the old file. TypeError that names the place of anything else: of a module or an
    optimiser give its `state_dict()`.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"save: writes to a path, got a {type(path).__name__}; save(obj, path)")
    arrays: dict[str, Any] = {}
    tree = _described(obj, "", arrays)
    serialize.save(path, arrays, {STRUCTURE: json.dumps(tree)})


def load(path: str | os.PathLike[str], map_location: Any = None, **ignored: bool) -> Any:
    """What `save` wrote; of another safetensors file, or a state dictionary that `torch.save`
    wrote, its arrays as Tensors by name.

    map_location: the device of the Tensors, the CPU by default. `weights_only`, PyTorch's, changes
    nothing: no file is ever executed. FileNotFoundError without the file, ValueError for a damaged
    one.
    """
    unknown = sorted(ignored.keys() - {"weights_only", "mmap"})
    if unknown:
        raise TypeError(f"load: takes path and map_location, got {', '.join(unknown)} as well")
    where = None if map_location is None else devices.check(map_location)
    if _is_pickled(path):
        arrays, text = read_pth(path), dict[str, str]()
    else:
        arrays, text = serialize.load(path)
    if where is not None:
        arrays = {name: devices.move(array, where) for name, array in arrays.items()}
    if STRUCTURE not in text:
        return {name: plain(array) for name, array in arrays.items()}
    try:
        return _built(json.loads(text[STRUCTURE]), arrays, 0)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{os.fspath(path)}: its {STRUCTURE} does not fit its arrays: {error!r:.100}"
        ) from None


def _is_pickled(path: str | os.PathLike[str]) -> bool:
    """True for a file of `torch.save`: a zip archive or a pickle by its first bytes."""
    if not Path(path).is_file():
        return False
    with open(path, "rb") as file:
        return file.read(2) in (b"PK", b"\x80\x02")


def _described(value: Any, path: str, arrays: dict[str, Any]) -> Tree:
    """The value's place in the structure; its arrays are added to `arrays`."""
    if isinstance(value, Tensor):
        arrays[_fresh(path, arrays)] = value._array
        return {"tensor": list(arrays)[-1], "requires_grad": value.requires_grad}
    if devices.is_array(value):
        dtypes.check(value.dtype, f"save: {path or 'the array'}")
        arrays[_fresh(path, arrays)] = value
        return {"array": list(arrays)[-1]}
    if isinstance(value, np.generic):
        return {"value": value.item()}
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    if path.count(".") > DEPTH:
        raise ValueError(f"save: {path:.100} is nested more than {DEPTH} deep")
    if isinstance(value, Mapping):
        return {"mapping": [_pair(k, v, path, arrays) for k, v in value.items()]}
    if isinstance(value, list | tuple):
        parts = [_described(v, _inside(path, i), arrays) for i, v in enumerate(value)]
        return {"tuple" if isinstance(value, tuple) else "list": parts}
    raise TypeError(
        f"save: {path or 'the object'} is a {type(value).__name__}; tensors, arrays, numbers, "
        "texts and mappings and lists of them are stored, of a module its state_dict()"
    )


def _pair(key: Any, value: Any, path: str, arrays: dict[str, Any]) -> list[Any]:
    if not isinstance(key, str | int | float | bool | None):
        raise TypeError(f"save: the key {key!r:.50} in {path or 'it'} is no text or number")
    return [key, _described(value, _inside(path, key), arrays)]


def _inside(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def _fresh(path: str, arrays: Mapping[str, Any]) -> str:
    """A name for the array at the path: the path, with a number if another one has it."""
    name, number = path or "value", 1
    while name in arrays:
        name, number = f"{path}#{number}", number + 1
    return name


def _built(tree: Tree, arrays: Mapping[str, Any], depth: int) -> Any:
    (kind, content), *rest = tree.items()
    if depth > 2 * DEPTH:
        raise ValueError(f"nested more than {2 * DEPTH} deep")
    if kind == "tensor":
        found = plain(arrays[content])
        return found.requires_grad_() if dict(rest).get("requires_grad") is True else found
    if kind == "array":
        return arrays[content]
    if kind == "value" and (content is None or isinstance(content, bool | int | float | str)):
        return content
    if kind == "mapping":
        return {_key(k): _built(v, arrays, depth + 1) for k, v in content}
    if kind in ("list", "tuple"):
        parts: Iterable[Any] = (_built(part, arrays, depth + 1) for part in content)
        return tuple(parts) if kind == "tuple" else list(parts)
    raise ValueError(f"no kind {kind!r:.50}")


def _key(key: Any) -> Any:
    if not isinstance(key, str | int | float | bool | None):
        raise ValueError(f"the key {key!r:.50} is no text or number")
    return key

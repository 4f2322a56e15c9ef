"""Program that reproduces a failing example: pasted into a file or a shell, it fails again."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from kernels.contract.registry import Kernel
from kernels.verify.calls import Call
from kernels.verify.property import Property
from kernels.verify.runner import Failure

MOST_WRITTEN = 400
"""Largest size of an array that is written as numbers; larger ones are written as bytes."""


def snippet(kernel: Kernel, property: Property, failure: Failure, source: str | None = None) -> str:
    """Python code that builds the call, prints the results of the kernel and of the definition, and
    checks the property; `source` is the user's file that registers the kernel."""
    call = failure.call
    name = f"{kernel.operation!r}, {kernel.name!r}"
    geometry = type(call.g).__name__
    lines = [*launching(property), "import numpy as np", "", "import kernels"]
    if hasattr(call.g, "__dataclass_fields__"):
        parts = ", ".join([geometry, *getattr(call.g, "parts", ())])
        lines.append(f"from {type(call.g).__module__} import {parts}")
    opening = getattr(kernel, "opening", None)  # of a kernel in another process
    if source is not None:
        lines.append("from kernels.contract.sources import load" if opening is None else
                     "from kernels.judge.verdict import opened, properties")  # fmt: skip
    made = call.origin is not None and max(a.size for a in call.inputs.values()) > MOST_WRITTEN
    lines += [f"from kernels.verify import PROPERTIES, {'make' if made else 'Call'}", ""]
    if source is not None and opening is not None:
        lines += [f"kernel = opened({_anywhere(source)!r}, {name})"]
    else:
        lines += [f"load({_anywhere(source)!r})"] if source is not None else []
        lines += [f"kernel = kernels.named({name}, {kernel.device!r})"]
    lines += [f"g = {call.g!r}", ""]
    lines += _made(kernel, call) if made else _given(kernel, call)
    lines += [
        "",
        'print("the kernel:", *call.run(kernel), sep="\\n")',
        f'print("the definition:", *{_defined(made)}, sep="\\n")',
        *textwrap.wrap(property.sentence, 88, initial_indent="# ", subsequent_indent="# "),
    ]
    extras = "".join(f", {key}={_value(value)}" for key, value in failure.extras.items())
    law = f"PROPERTIES[{property.name!r}]" if opening is None else opening(property)
    lines += [f"{law}.check(kernel, call{extras})"]
    return "\n".join(lines) + "\n"


def launching(property: Property) -> list[str]:
    """Lines that have Numba launch as many threads as the property sets."""
    if not property.launched:
        return []
    threads = f'os.environ["NUMBA_NUM_THREADS"] = "{property.launched}"  # launched by the next'
    return ["import os", "", threads, ""]


def _defined(large: bool) -> str:
    """The nested loops of the definition, or array expressions where those would take hours."""
    return "call.its.in_float64(call)" if large else "call.define()"


def _given(kernel: Kernel, call: Call) -> list[str]:
    """The call with its arrays as numbers."""
    lines = [f"{array} = {_written(value)}" for array, value in call.inputs.items()]
    inputs = ", ".join(f"{array!r}: {array}" for array in call.inputs)
    options = ", ".join(f"{key!r}: {_value(value)}" for key, value in call.options.items())
    return [
        *lines,
        f"call = Call({call.operation!r}, g, {{{inputs}}}, {{{options}}}{_where(kernel, call)})",
    ]


def _made(kernel: Kernel, call: Call) -> list[str]:
    """The call with its arrays drawn again, by the fill and the seed that drew them."""
    assert call.origin is not None
    options = "".join(f", {key}={_value(value)}" for key, value in call.options.items())
    fill, seed = call.origin
    lines = [f"call = make({call.operation!r}, g, {fill!r}, {seed}, np.{call.dtype.name}{options})"]
    if kernel.device == "cuda":
        return ["from dataclasses import replace", *lines,
                f"call = replace(call{_where(kernel, call)})"]  # fmt: skip
    return lines


def _where(kernel: Kernel, call: Call) -> str:
    """The argument that names a CUDA kernel's device."""
    return f", device={call.device!r}" if kernel.device == "cuda" else ""


def _anywhere(source: str) -> str:
    """The absolute path of a file, so that the program runs in any folder; a module's own name."""
    return str(Path(source).resolve()) if Path(source).exists() else source


def _value(value: Any) -> str:
    """A literal of the value."""
    if isinstance(value, np.ndarray):
        return _written(value)
    if isinstance(value, float) and not np.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


def _written(a: np.ndarray) -> str:
    """An expression for the array: its values, or the bytes of a large one."""
    kind = f"np.{a.dtype.name}"
    if not a.size:
        return f"np.zeros({a.shape}, {kind})"
    values = ", ".join(_number(v) for v in a.reshape(-1).tolist())  # any shape -> (size,)
    if a.size <= MOST_WRITTEN:
        return f"np.array([{values}], {kind}).reshape({a.shape})"
    return f"np.frombuffer(bytes.fromhex({a.tobytes().hex()!r}), {kind}).reshape({a.shape}).copy()"


def _number(value: float) -> str:
    if isinstance(value, float) and not np.isfinite(value):
        return f"np.{value}" if value > 0 or value != value else "-np.inf"
    return repr(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)

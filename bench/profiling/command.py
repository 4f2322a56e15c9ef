"""Command of the profile: a table of layers, a picture, and ONNX Runtime's times beside ours."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from bench import machine
from bench.machine import Machine
from bench.options import Threads, set_threads
from bench.profiling import picture
from bench.profiling.layers import Timed, profile, together
from bench.profiling.runtime import OTHERS, runtime_profile
from bench.run import wide_console
from bench.tables import duration
from kernels.contract import threads
from kernels.terminal.printable import printable
from kernels.terminal.progress import Task, progress_bars, say
from minidl import Tensor, nn, no_grad
from minidl.formats.onnx import load_onnx, read_shape, save_onnx
from minidl.formats.onnx.export import RESULT
from minidl.nn.folding import fold
from zfnet.network import load

LONGEST = 32
"""Characters of a column."""
LEGEND = (
    "Layer: one call of the forward pass, with what is fused into it. GFLOP/s: of the definition's "
    "operations. Of peak: the share of the nearer limit, of arithmetic by the operations really "
    "done, or of bandwidth by the bytes that have to move: inputs, weights and "
    "result. ONNX Runtime: its own profile, a fused node at the layer that it is named after."
)


@dataclass(frozen=True)
class Profiled:
    """A network to profile: as its file has it, folded as it infers, and its images (C,H,W)."""

    plain: nn.Graph
    model: nn.Graph
    shape: tuple[int, int, int]
    file: Path | None

    @property
    def folded(self) -> set[str]:
        """The layers that were folded into the one before them."""
        left = {name for name, _ in self.model.named_children()}
        return {name for name, _ in self.plain.named_children()} - left


def profile_command(
    model: Annotated[Path, typer.Argument(help="An ONNX file, or the folder of a training run.")],
    batch: Annotated[int, typer.Option(min=1, help="Images at once.")] = 1,
    size: Annotated[
        int | None, typer.Option(min=1, help="Pixels on a side, where the file leaves them open.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Forward passes that are timed.")] = 20,
    thread_count: Threads = None,
    output: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Draw the layers here: .png, .svg or .pdf.")
    ] = None,
) -> None:
    """Time the layers of a network one by one: kernel, rate, share of the machine's peak, memory.

    Beside ONNX Runtime's own profile where it is installed.
    """
    if output is not None:
        picture.check(output)
    set_threads(thread_count)
    found = opened(model, size)
    say("measuring the machine's own limits")
    limits = machine.measure()
    x = np.random.default_rng(0).standard_normal((batch, *found.shape), dtype=np.float32)
    with progress_bars() as progress:
        task = Task(progress, "forward passes", repeats + 1)
        timed = profile(found.model, x, repeats, lambda done: task.update(done + 1))
    whole = _whole(found.model, x, repeats)
    runtime = _runtime(found, x, repeats)
    wide_console().print(table(timed, limits, runtime))
    _summary(timed, whole, runtime)
    say(f"\n{limits.summary}\n{LEGEND}")
    if output is not None:
        title = f"{model.name}, batch {batch}, {limits.threads} threads: {duration(whole)}"
        picture.draw(output, title, timed, runtime)
        say(f"The picture is in {output.resolve()}")


def opened(path: Path, size: int | None) -> Profiled:
    """The network; ValueError or FileNotFoundError for what is none."""
    if path.is_dir():
        own = load(path).model.eval()
        return Profiled(own, fold(own), (3, own.image_size, own.image_size), None)
    sides = None if size is None else (size, size)
    plain = load_onnx(path, size=sides).eval()
    return Profiled(plain, fold(plain), read_shape(path, sides), path)


def _whole(model: nn.Graph, x: np.ndarray, repeats: int) -> float:
    """Median seconds of the forward pass as it is used, the first not counted."""
    given, times = Tensor(x), []
    with no_grad():
        for _ in range(repeats + 1):
            began = time.perf_counter()
            model(given)
            times.append(time.perf_counter() - began)
    return float(np.median(times[1:]))


def _runtime(found: Profiled, x: np.ndarray, repeats: int) -> dict[str, float]:
    """ONNX Runtime's seconds by layer; {} where it is not installed or cannot run the network."""
    missing = [name for name in ("onnx", "onnxruntime") if not importlib.util.find_spec(name)]
    if missing:
        say(f"without ONNX Runtime's profile: pip install {' '.join(missing)}")
        return {}
    try:
        if found.file is not None:
            return _at_layers(found, found.file, x, repeats, {})
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "network.onnx"
            save_onnx(found.plain, file, found.shape)
            return _at_layers(found, file, x, repeats, {RESULT: found.model.output})
    except Exception as error:  # whatever ONNX Runtime raises for a network that it cannot run
        say(f"without ONNX Runtime's profile: {' '.join(str(error).split())[:300]}")
        return {}


def _at_layers(
    found: Profiled, file: Path, x: np.ndarray, repeats: int, renamed: Mapping[str, str]
) -> dict[str, float]:
    """ONNX Runtime's seconds by our layers; renamed: layers that have another name in the file."""
    in_file = {layer: name for name, layer in renamed.items()}
    layers = [in_file.get(name, name) for name, _ in found.model.named_children()]
    count = threads.get_num_threads()
    seconds = runtime_profile(file, x, count, repeats, layers, found.folded)
    return {renamed.get(name, name): value for name, value in seconds.items()}


def table(timed: Sequence[Timed], limits: Machine, runtime: Mapping[str, float]) -> Table:
    """A row for each layer in the network's order."""
    made = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("layer", "kind", "kernel"):
        made.add_column(heading, no_wrap=True, max_width=LONGEST)
    numbers = ["time", "share", "GFLOP/s", "of peak", "weights MB", "result MB"]
    for heading in numbers + ["ONNX Runtime"] * bool(runtime):
        made.add_column(heading, justify="right", no_wrap=True)
    total = sum(each.seconds for each in timed)
    for each in timed:
        cells = [
            *(_ending(each.name), each.kind, ", ".join(each.kernels) or "-"),
            duration(each.seconds),
            *(f"{each.seconds / total:.1%}", f"{each.gflops:.1f}", str(each.share(limits))),
            *(f"{each.weights / 1e6:.3f}", f"{each.result / 1e6:.3f}"),
        ]
        if runtime:
            theirs = sum(runtime.get(name, 0.0) for name in each.names)
            cells.append(duration(theirs) if theirs else "-")
        made.add_row(*map(Text, cells))
    return made


def _ending(name: str) -> str:
    """A layer's name; of a long one the end, which tells layers apart."""
    name = printable(name)
    return name if len(name) <= LONGEST else "…" + name[1 - LONGEST :]


def _summary(timed: Sequence[Timed], whole: float, runtime: Mapping[str, float]) -> None:
    """The kinds of layers by their time, and the sums beside the whole forward pass."""
    total = sum(each.seconds for each in timed)
    kinds = (f"{kind} {seconds / total:.0%}" for kind, seconds in together(timed).items())
    say(f"\nby kind: {', '.join(kinds)}")
    say(f"layers one by one {duration(total)}; the forward pass as a whole {duration(whole)}")
    if runtime:
        others = runtime.get(OTHERS, 0.0)
        say(
            f"ONNX Runtime: {duration(sum(runtime.values()))} in all its nodes, of which "
            f"{duration(others)} belong to no layer"
        )

"""Autotuning: kernels chosen by measurement, with the choices cached on disk.

`kernels.pick` compares estimated costs of kernels. While `autotune` is on, the first call of a
convolution times all kernels that support it, on this machine. The fastest is used from then on: by
this process, and by later ones, which read it from a file.
"""

from __future__ import annotations

import json
import os
import platform
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from kernels.contract import machine, memory, registry, threads
from kernels.contract.problem import Problem
from kernels.contract.registry import Kernel
from kernels.storage.atomic import replacing
from kernels.storage.sealed import sealed, unsealed

OPERANDS = {"conv2d": ("x", "w"), "conv2d_dgrad": ("gy", "w"), "conv2d_wgrad": ("x", "gy")}
"""The operations that are measured: others have one kernel, or one that is always the fastest."""
NOT_MEASURED = 10.0
"""A kernel whose estimated cost is more than so many times the least is not measured."""
ROUNDS = 5


def autotune(
    on: bool = True, *, path: str | Path | None = None, record: str | Path | None = None
) -> Autotune:
    """Choose convolution kernels by measuring them instead of by their estimated cost.

        minidl.autotune()              # from here on
        with minidl.autotune(): ...    # within the block

    The first call of each geometry (shapes, stride, padding ..., and the number of threads) then
    takes as long as some tens of calls; float32 is measured for both types. Choices are stored in
    `path`, by default kernels.json in minidl's folder of the user's cache, under the processor's
    name and the versions of minidl and Numba.

    record: a file of one run. Its choices are used without measuring, and every choice of this run
            is written to it, so that the run can be resumed with the same kernels.

    Kernels differ within the bounds that they declare (see `conv2d`), so results of two runs with
    choices of their own may differ in their last bits. `autotune(False)` restores estimates.
    Returns the switch, whose `choices` lists the kernels used. ValueError for a damaged `record`,
    or one that names a kernel which cannot compute its case; for a damaged or unwritable `path`
    only a warning.
    """
    tuning = Autotune(Path(path) if path else _cache() / "kernels.json", record)
    tuning.before = registry.choose_with(tuning.choose if on else None)
    return tuning


@contextmanager
def exact() -> Iterator[None]:
    """Within the block only kernels are picked that sum the products of the definition.

        with minidl.exact(): ...

    As if every call had `algorithm="exact"`: no Winograd, zeros stay zeros, and a batch gives the
    results of its images up to the order of sums. Large networks are slower. It holds for the
    Python thread in which it is called.
    """
    with registry.exact_only():
        yield


class Autotune:
    """The choices of kernels: `choices`, from a description of the case to a kernel's name."""

    def __init__(self, path: Path, record: str | Path | None) -> None:
        self.path, self.record = path, Path(record) if record else None
        self.choices: dict[str, str] = {}
        self.before: registry.Chooser | None = None
        self._recorded = _recorded(self.record) if self.record else {}
        self._remembered = _remembered(path).get(_machine(), {})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        registry.choose_with(self.before)

    def choose(
        self, operation: str, device: str, problem: Problem, able: Sequence[Kernel]
    ) -> Kernel | None:
        """The kernel to use: recorded, cached or measured; None for other operations."""
        if operation not in OPERANDS or device != "cpu":
            return None
        kept, count = " of kept weights" * problem.prepared, threads.get_num_threads()
        case = f"{operation}{kept}, {count} threads, {problem.geometry}"
        serving = {kernel.name: kernel for kernel in able}
        name = self.choices.get(case) or self._recorded.get(case)
        if name is not None and name not in serving:
            raise ValueError(
                f"{self.record} says that {name!r} computes {case}, but only "
                f"{', '.join(serving)} can; remove that file to choose anew"
            )
        if name is None:
            name = self._remembered.get(case)
        if name not in serving:
            name = _fastest(operation, problem, able).name
            self._remember(case, name)
        if case not in self.choices:
            self.choices[case] = name
            self._write_record()
        return serving[name]

    def _remember(self, case: str, name: str) -> None:
        """Add a choice to the file, to which other processes may have added theirs."""
        self._remembered[case] = name
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            every = _remembered(self.path)
            every.setdefault(_machine(), {})[case] = name
            _write(self.path, every)
        except OSError as error:
            warnings.warn(f"autotune cannot keep its choices in {self.path}: {error}", stacklevel=2)

    def _write_record(self) -> None:
        if self.record:
            with replacing(self.record) as beside:
                beside.write_text(sealed(self._recorded | self.choices))


def _fastest(operation: str, problem: Problem, able: Sequence[Kernel]) -> Kernel:
    """The kernel of the least median time; those that raise are left out, with a warning."""
    g, least = problem.geometry, min(kernel.cost(problem) for kernel in able)
    calls: dict[Kernel, Any] = {}
    arrays = _arrays(operation, g)
    for kernel in able:
        if kernel.cost(problem) > NOT_MEASURED * least:
            continue
        options = {}
        if problem.prepared and kernel.prepare is not None:
            options["prepared"] = kernel.prepared(arrays[1], g)
        calls[kernel] = lambda kernel=kernel, options=options: kernel(*arrays, g, **options)
    seconds = _seconds(calls)
    return min(seconds, key=lambda kernel: float(np.median(seconds[kernel])))


def _seconds(calls: Mapping[Kernel, Any]) -> dict[Kernel, list[float]]:
    """Seconds of each call, timed in turns; the first round, which compiles, does not count."""
    seconds: dict[Kernel, list[float]] = {kernel: [] for kernel in calls}
    for _ in range(1 + ROUNDS):
        for kernel in list(seconds):
            began = time.perf_counter()
            try:
                calls[kernel]()
            except Exception as error:  # a user's own kernel may raise anything
                warnings.warn(f"autotune leaves out {kernel.name}: {error}", stacklevel=2)
                del seconds[kernel]
                continue
            seconds[kernel].append(time.perf_counter() - began)
    if not seconds:
        raise RuntimeError(f"autotune: all of {', '.join(k.name for k in calls)} raise")
    return {kernel: times[1:] for kernel, times in seconds.items()}


def _arrays(operation: str, g: Any) -> list[np.ndarray]:
    """The operands, float32 in channels-last memory as in the engine."""
    rng, shapes = np.random.default_rng(0), {"x": g.x_shape, "w": g.w_shape, "gy": g.y_shape}
    arrays = []
    for name in OPERANDS[operation]:
        array = memory.empty(shapes[name], np.float32, "NHWC")
        array[...] = rng.standard_normal(shapes[name], np.float32)
        arrays.append(array)
    return arrays


def _machine() -> str:
    """The machine and the versions for which a measurement is valid."""
    versions = []
    for package in ("minidl-zfnet", "numba"):
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(package)
    return ", ".join([_processor() + machine.given(), *versions])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "minidl"


def _remembered(path: Path) -> dict[str, dict[str, str]]:
    """machine -> case -> kernel; a file of another form is ignored, with a warning."""
    try:
        found = json.loads(path.read_text())
        return {str(machine): _named(cases) for machine, cases in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, RecursionError, ValueError, AttributeError) as error:
        warnings.warn(
            f"autotune ignores {path}: {error}; remove it to be rid of this", stacklevel=2
        )
        return {}


def _recorded(path: Path) -> dict[str, str]:
    try:
        return _named(unsealed(path.read_text()))
    except FileNotFoundError:
        return {}
    except (RecursionError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it to choose anew") from error


def _named(cases: Any) -> dict[str, str]:
    """A table from strings to strings; ValueError for anything else."""
    if not isinstance(cases, dict) or not all(isinstance(name, str) for name in cases.values()):
        raise ValueError("expected a kernel's name for each case")
    return dict(cases)


def _write(path: Path, table: Mapping[str, Any]) -> None:
    with replacing(path) as beside:
        beside.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")

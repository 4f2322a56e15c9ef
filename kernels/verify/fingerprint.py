"""Digests of every kernel's results on drawn cases, to compare two states of the code bit by bit.

A subject is a kernel on a device. `digests` runs it on the first cases of `drawn.py` that it
serves, in every form that it declares: plain, with prepared weights, rectified, pooled, into arrays
of the caller. A digest covers the type, the shape and the bytes of every result. All NaNs count as
equal, since their payloads are not specified.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.geometry import PoolGeometry
from kernels.contract.probe import supports
from kernels.contract.registry import Kernel
from kernels.verify.drawn import Case, case, generator, known
from kernels.verify.placing import prepared_on, run_on

DTYPES = "float32", "float64"
CASES = 40
DRAWN = 1500
"""Number of cases that are searched for those that a kernel serves."""
MOST_EMULATED = 200_000
"""Largest work of a case in the emulator."""
Form = tuple[str, Callable[[], Any]]


@dataclass(frozen=True)
class Subject:
    """A kernel or function to run: its names, which cases it serves, and the forms of its calls."""

    operation: str
    name: str
    device: str
    serves: Callable[[Case], bool]
    forms: Callable[[Case], Iterator[Form]]

    @property
    def key(self) -> str:
        return f"{self.operation}/{self.name}/{self.device}"


def of_kernel(kernel: Kernel, device: str) -> Subject:
    """The kernel, computing on `device`: "cpu", "emulator" or "cuda"."""
    return Subject(
        *(kernel.operation, kernel.name, device),
        partial(_serves, kernel),
        partial(_forms, kernel, device),
    )


def _serves(kernel: Kernel, case: Case) -> bool:
    """True if the kernel serves the case."""
    return supports(kernel, case.problem)


def _pooling(kernel: Kernel, case: Case) -> PoolGeometry | None:
    """A pooling of the case's result that the kernel can fuse; None if there is none."""
    rng = generator(case, "pooling")
    size, ceil = int(rng.integers(2, 4)), bool(rng.integers(0, 2))
    if min(case.g.P, case.g.Q) < size:
        return None
    pool = PoolGeometry.of(case.g.y_shape, size, 2, ceil_mode=ceil)
    return pool if kernel.pools(case.g, pool) else None


def _forms(kernel: Kernel, device: str, case: Case) -> Iterator[Form]:
    """Every form of the call that the kernel declares."""
    arguments, options = case.arrays()
    if case.operation == "random_bits":
        options["like"] = np.empty(0, np.float32)
    run = partial(run_on, device, kernel, *arguments, **options)
    yield "", run
    if kernel.prepare is not None:
        prepared = prepared_on(device, kernel, arguments[1], case.g)
        yield " prepared", partial(run, prepared=prepared)
    if kernel.rectifies:
        yield " rectified", partial(run, rectify=True)
    if case.operation == "conv2d" and (pool := _pooling(kernel, case)) is not None:
        yield " pooled", partial(run, rectify=True, pool=pool)
    if kernel.into:
        yield " out", partial(_into, run)


def _into(run: Callable[..., Any]) -> Any:
    """The results written to arrays of the caller that held other values."""
    like = run()
    out = tuple(_other(a) for a in like) if isinstance(like, tuple) else _other(like)
    run(out=out)
    return out


def _other(a: np.ndarray) -> np.ndarray:
    out = memory.empty_like(a)
    out.fill(77)
    return out


def numbers(subject: Subject, dtype: str, seed: int, count: int) -> list[int]:
    """The first `count` cases that the subject serves and that are small enough for its device."""
    return list(islice(_served(subject, dtype, seed), count))


def _served(subject: Subject, dtype: str, seed: int) -> Iterator[int]:
    if not known(subject.operation):
        return
    for number in range(DRAWN):
        drawn = case(subject.operation, dtype, number, seed)
        if subject.device == "emulator" and drawn.work > MOST_EMULATED:
            continue
        if subject.serves(drawn):
            yield number


def digests(subject: Subject, dtype: str, seed: int, chosen: Sequence[int]) -> dict[str, str]:
    """The digests, by key, of every form of every selected case that the subject serves."""
    found = {}
    for number in chosen:
        drawn = case(subject.operation, dtype, number, seed)
        if not subject.serves(drawn):
            continue
        for form, run in subject.forms(drawn):
            found[f"{subject.key}/{dtype}/{number}{form}"] = _digest_of(run)
    return found


def _digest_of(run: Callable[[], Any]) -> str:
    """The digest of the results; an exception counts as a result."""
    try:
        with np.errstate(all="ignore"):
            result = run()
    except Exception as error:
        return f"raises {type(error).__name__}: {error}"
    return digest(result)


def digest(result: Any) -> str:
    """sha256 of the type, shape and bytes of each array in `result`, nested tuples included."""
    hashed = hashlib.sha256()
    for array in _arrays(result):
        plain = np.ascontiguousarray(array)
        if plain.dtype.kind == "f":
            plain = np.where(np.isnan(plain), plain.dtype.type(np.nan), plain)
        hashed.update(f"{array.dtype.str} {array.shape} ".encode())
        hashed.update(plain.data if plain.size else b"")
    return hashed.hexdigest()


def _arrays(result: Any) -> Iterator[np.ndarray]:
    for part in result if isinstance(result, tuple | list) else (result,):
        if isinstance(part, tuple | list):
            yield from _arrays(part)
        else:
            yield np.asarray(part)

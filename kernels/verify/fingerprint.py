"""Digests of what every kernel makes of drawn cases: the same bits before and after a change?

A subject is a kernel on a device; `digests` runs it on the first cases of `drawn.py` that it
serves, in every form that it has: plain, with prepared weights, rectified, pooled, into arrays of
the caller's. A digest is of the type, the shape and the bytes of
every result; NaN is taken as one value, for its payload follows no rule.
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
"""Cases among which those that a kernel serves are looked for."""
MOST_EMULATED = 200_000
"""The work of a case in the emulator, at most."""
Form = tuple[str, Callable[[], Any]]


@dataclass(frozen=True)
class Subject:
    """What is run: its names, whether it serves a case, and the forms of a call of it."""

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
    """Does the kernel serve the case? The one place that asks."""
    return supports(kernel, case.problem)


def _pooling(kernel: Kernel, case: Case) -> PoolGeometry | None:
    """A pooling of the case's result that the kernel does itself; None if it does none."""
    rng = generator(case, "pooling")
    size, ceil = int(rng.integers(2, 4)), bool(rng.integers(0, 2))
    if min(case.g.P, case.g.Q) < size:
        return None
    pool = PoolGeometry.of(case.g.y_shape, size, 2, ceil_mode=ceil)
    return pool if kernel.pools(case.g, pool) else None


def _forms(kernel: Kernel, device: str, case: Case) -> Iterator[Form]:
    """Every form of the call that the kernel declares."""
    arguments, options = case.arrays()
    if device != "cpu" and case.operation == "random_bits":
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
    """The results written to arrays of the caller's, in which something else stands."""
    like = run()
    out = tuple(_other(a) for a in like) if isinstance(like, tuple) else _other(like)
    run(out=out)
    return out


def _other(a: np.ndarray) -> np.ndarray:
    out = memory.empty_like(a)
    out.fill(77)
    return out


def numbers(subject: Subject, dtype: str, seed: int, count: int) -> list[int]:
    """The first `count` cases that the subject serves and its device can bear."""
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
    """The digest of every form of every chosen case that the subject serves, by its key."""
    found = {}
    for number in chosen:
        drawn = case(subject.operation, dtype, number, seed)
        if not subject.serves(drawn):
            continue
        for form, run in subject.forms(drawn):
            found[f"{subject.key}/{dtype}/{number}{form}"] = _digest_of(run)
    return found


def _digest_of(run: Callable[[], Any]) -> str:
    """What is raised counts as a result: it may change too."""
    try:
        with np.errstate(all="ignore"):
            result = run()
    except Exception as error:
        return f"raises {type(error).__name__}: {error}"
    return digest(result)


def digest(result: Any) -> str:
    """sha256 of the type, shape and bytes of each array in `result`, tuples in tuples too."""
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

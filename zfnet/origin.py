"""Provenance of a run: what decides its numbers besides recipe and network.

A checkpoint keeps it. A run that is resumed elsewhere, or otherwise, would not reach the weights of
an uninterrupted one; every difference is named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import minidl
from kernels.contract import devices, machine
from kernels.contract.freshness import digest as kernels_digest

LIBRARIES = "numpy", "scipy", "numba", "llvmlite"
"""They, or the code that they generate, compute the numbers."""
ROOT = Path(__file__).resolve().parents[1]
COMPUTING = (
    "minidl/*.py", "minidl/functional/*.py", "minidl/nn/*.py", "minidl/optim/*.py",
    "kernels/cuda/*.py", "kernels/**/*.cu*", "zfnet/data/*.py", "zfnet/data/drawing/*.py",
    "zfnet/evaluate.py", "zfnet/gradients.py", "zfnet/inspectable.py", "zfnet/model.py",
    "zfnet/over_batches.py", "zfnet/parallel/*.py", "zfnet/steps.py", "zfnet/train.py",
    "zfnet/update.py",
)  # fmt: skip
"""Sources that compute a training, besides the kernels of the CPU."""


@dataclass(frozen=True)
class Difference:
    """Something that is not as it was when the run began.

    breaks: whether the weights would not be those of an uninterrupted run.
    """

    what: str
    before: object
    now: object
    breaks: bool = True
    why: str = ""

    def __str__(self) -> str:
        """ "--epochs was 4 and is 6 (the cosine has other rates)"."""
        why = f" ({self.why})" if self.why else ""
        return f"{self.what} was {self.before} and is {self.now}{why}"


@dataclass(frozen=True)
class Origin:
    """What a run's numbers come from.

    data:      as --data names it. images: the digest of their list (`zfnet/data/listing.py`).
    threads:   that compute; sums over threads are in their order.
    autotune:  whether kernels were chosen by measurement.
    processor: for which code is generated. code: digest of the sources that compute.
    strict, workers: as the options; they change no numbers.
    use_test, follow_links: as the options; they decide which images there are.
    """

    data: str = ""
    images: str = ""
    device: str = "cpu"
    threads: int = 1
    autotune: bool = False
    processor: str = ""
    code: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    workers: int = 2
    use_test: bool = False
    follow_links: bool = False

    @classmethod
    def here(cls, **given: Any) -> Origin:
        """That of a computation in this process; `given` are fields that it does not know."""
        own = {
            "threads": minidl.get_num_threads(),
            "processor": _gpu() if given.get("device") == "cuda" else processor(),
            "code": code(),
            "versions": versions(),
        }
        return cls(**{**own, **given})

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> Origin:
        """From a checkpoint; fields that it does not know are left out."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def differences(before: Origin, now: Origin) -> list[Difference]:
    """All that differs and decides numbers or behaviour; images are compared by their lists."""
    return list(_differences(before, now))


def _differences(before: Origin, now: Origin) -> Iterator[Difference]:
    for name in ("device", "autotune", "use_test", "follow_links"):
        what = "--" + name.replace("_", "-")
        if getattr(before, name) != getattr(now, name):
            yield Difference(what, getattr(before, name), getattr(now, name))
    if before.threads != now.threads:
        why = "some sums of large fully connected layers have another order"
        yield Difference("the number of --threads", before.threads, now.threads, why=why)
    if before.processor != now.processor:
        why = "other kernels or instructions"
        yield Difference("the processor", before.processor, now.processor, why=why)
    if before.code != now.code:
        yield Difference("the digest of the kernels and layers", before.code, now.code)
    for library in dict.fromkeys([*before.versions, *now.versions]):
        pair = before.versions.get(library, "none"), now.versions.get(library, "none")
        if pair[0] != pair[1]:
            yield Difference(library, *pair)
    if before.strict != now.strict:
        yield Difference("--strict", before.strict, now.strict, breaks=False)


def refusal(out: Path, found: Sequence[Difference], way_out: str) -> str:
    """The sentence for differences that break the promise; empty without any."""
    breaking = "; ".join(str(one) for one in found if one.breaks)
    if not breaking:
        return ""
    return f"{out} would not reach the weights of an uninterrupted run, since {breaking}: {way_out}"


def require_as_begun(out: Path, began: Origin, now: Origin) -> None:
    """ValueError if a run that began so would not reach the same weights here, or on these images.

    For runs that are restored in Python; the command line has the images' names too.
    """
    found = differences(began, now)
    if began.images != now.images:
        digests = began.images[:12], now.images[:12]
        found.append(Difference("the digest of the list of images", *digests))
    refused = refusal(out, found, "let it go on as it began, or set `allow_changes`")
    if refused:
        raise ValueError(refused)


@cache
def code() -> str:
    """Digest of the sources that compute a training: kernels, layers, network, data."""
    found = hashlib.sha256(kernels_digest().encode())
    for file in sorted(file for pattern in COMPUTING for file in ROOT.glob(pattern)):
        found.update(file.read_bytes())
    return found.hexdigest()[:12]


def versions() -> dict[str, str]:
    """Of this project and of the libraries that compute."""
    return {name: _version(name) for name in ("minidl-zfnet", *LIBRARIES)}


def data_name(data: str) -> str:
    """The data's name as a run keeps it: a folder's whole path, found from anywhere."""
    return data if data == "scenes" else str(Path(data).absolute())


def processor() -> str:
    """The processor that kernels are compiled for, with its vectors: "haswell, 256-bit vectors"."""
    return f"{machine.name()}, {8 * machine.MACHINE.width}-bit vectors"


def _gpu() -> str:
    """The current GPU's name, and the version of CuPy."""
    cupy = devices.cupy()
    found = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.runtime.getDevice())
    return f"{found['name'].decode()}, CuPy {cupy.__version__}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from the source folder, never installed
        return "not installed"

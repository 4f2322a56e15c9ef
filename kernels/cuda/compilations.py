"""What a compilation gave, kept in a folder so that the same one is not done twice.

A compilation is known by everything that its result depends on: the source and its headers, the
instances, the options, the versions of compiler and disassembler. Its name in the folder is their
hash, so what is found there is never out of date. The folder is $XDG_CACHE_HOME/minidl/cuda,
~/.cache/minidl/cuda unless that is set.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kernels.cuda import disassembly, nvrtc, packages
from kernels.cuda.program import INCLUDE


@dataclass(frozen=True)
class Compilation:
    """lowered: instance -> its name in the binary; log: the compiler's; sass: the disassembly."""

    lowered: dict[str, str]
    log: str
    sass: str


def compilation(path: Path, names: Sequence[str], arch: str) -> Compilation:
    """`path` and its instances for `arch`, kept or compiled now; CompileError if it is wrong."""
    place = place_of(path, names, arch)
    kept = _kept(place)
    if kept is None:
        compiled = nvrtc.compile_file(path, names, arch)
        kept = Compilation(compiled.lowered, compiled.log, disassembly.disassemble(compiled.binary))
        _keep(place, kept)
    return kept


def place_of(path: Path, names: Sequence[str], arch: str) -> Path:
    """The file in which this compilation is kept."""
    versions = [str(packages.version(name)) for name in packages.REQUIREMENTS]
    dependencies = [path.name, *names, *nvrtc.options(arch), *versions]
    known = hashlib.sha256(json.dumps(dependencies).encode())
    for file in _sources(path):
        known.update(hashlib.sha256(file.read_bytes()).digest())
    return _folder() / f"{path.stem}-{arch}-{known.hexdigest()[:32]}.json.gz"


_INCLUDED = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def _sources(path: Path) -> list[Path]:
    """The file and the headers that it includes, they in turn included, in a fixed order."""
    found, waiting = [path], [path]
    while waiting:
        names = _INCLUDED.findall(waiting.pop().read_bytes())
        headers = (INCLUDE / name.decode() for name in names)
        new = [h for h in dict.fromkeys(headers) if h.is_file() and h not in found]
        found += new
        waiting += new
    return found


def _folder() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "minidl" / "cuda"


def _kept(place: Path) -> Compilation | None:
    """What the file holds; None if there is none, or a damaged one, which is written anew."""
    try:
        return Compilation(**json.loads(gzip.decompress(place.read_bytes())))
    except (OSError, EOFError, ValueError, TypeError):
        return None


def _keep(place: Path, compilation: Compilation) -> None:
    """Write it in one step: whoever reads meanwhile finds all of it or nothing."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
        file.write(gzip.compress(json.dumps(asdict(compilation)).encode(), 6))
    os.replace(file.name, place)

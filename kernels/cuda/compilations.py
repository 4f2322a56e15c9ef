"""On-disk cache of NVRTC compilations: binary names, log and disassembly.

The key is a hash of everything that the result depends on: the source and its headers, the
instances, the options, the versions of compiler and disassembler. So an entry is never out of date.
The folder is $XDG_CACHE_HOME/minidl/cuda, or ~/.cache/minidl/cuda if that is not set.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kernels.cuda import disassembly, nvrtc, packages
from kernels.cuda.program import INCLUDE
from kernels.storage.atomic import replacing


@dataclass(frozen=True)
class Compilation:
    """lowered: instance -> mangled name in the binary; log: of the compiler; sass: disassembly."""

    lowered: dict[str, str]
    log: str
    sass: str


def compilation(path: Path, names: Sequence[str], arch: str) -> Compilation:
    """`path` and its instances for `arch`, cached or compiled now; CompileError if it is wrong."""
    place = place_of(path, names, arch)
    kept = _kept(place)
    if kept is None:
        compiled = nvrtc.compile_file(path, names, arch)
        kept = Compilation(compiled.lowered, compiled.log, disassembly.disassemble(compiled.binary))
        _keep(place, kept)
    return kept


def place_of(path: Path, names: Sequence[str], arch: str) -> Path:
    """The cache file of this compilation."""
    versions = [str(packages.version(name)) for name in packages.REQUIREMENTS]
    dependencies = [path.name, *names, *nvrtc.options(arch), *versions]
    known = hashlib.sha256(json.dumps(dependencies).encode())
    for file in _sources(path):
        known.update(hashlib.sha256(file.read_bytes()).digest())
    return _folder() / f"{path.stem}-{arch}-{known.hexdigest()[:32]}.json.gz"


_INCLUDED = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def _sources(path: Path) -> list[Path]:
    """The file and the headers that it includes, directly or not, in a fixed order."""
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
    """The cached compilation; None if there is no file or a damaged one, which is rewritten."""
    try:
        return Compilation(**json.loads(gzip.decompress(place.read_bytes())))
    except (OSError, EOFError, ValueError, TypeError):
        return None


def _keep(place: Path, compilation: Compilation) -> None:
    """Write it atomically: a concurrent reader finds all of it or nothing."""
    with replacing(place) as beside:
        beside.write_bytes(gzip.compress(json.dumps(asdict(compilation)).encode(), 6))

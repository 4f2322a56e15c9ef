"""Names of files that are derived from text from outside: names of pictures and layers."""

from __future__ import annotations

import hashlib

from kernels.terminal.printable import printable

MOST_BYTES = 200
"""Of a name. File systems allow 255, and a temporary name beside it is longer."""


def file_name(text: str, suffix: str) -> str:
    """The name of a file for `text`, with `suffix` (".png").

    "/" becomes "-", characters that do not print are escaped, a leading dash or dot gets "_" in
    front of it. A longer name than MOST_BYTES is cut, and the cut part replaced by the first eight
    digits of the text's SHA-256, so that names with one beginning stay different.
    """
    name = printable(text).replace("/", "-") or "_"
    name = f"_{name}" if name[0] in "-." else name
    if len((name + suffix).encode()) <= MOST_BYTES:
        return name + suffix
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    most = MOST_BYTES - len(f"-{digest}{suffix}".encode())
    return name.encode()[:most].decode("utf-8", "ignore") + f"-{digest}{suffix}"

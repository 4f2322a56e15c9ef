"""Every property, one file a subject; importing it finds them all.

What holds for every operation comes first: where it fails, it says the most.
"""

from __future__ import annotations

import importlib
import pkgutil

from kernels.verify.properties import every

for _subject in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_subject.name}")

__all__ = ["every"]

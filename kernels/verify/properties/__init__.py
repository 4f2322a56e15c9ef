"""All properties, one file for each subject; importing this package registers them.

Properties of every operation come first: their failures are the most informative.
"""

from __future__ import annotations

import importlib
import pkgutil

from kernels.verify.properties import every

for _subject in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_subject.name}")

__all__ = ["every"]

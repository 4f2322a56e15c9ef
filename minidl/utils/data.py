"""`minidl.data` under PyTorch's path, `torch.utils.data`."""

from __future__ import annotations

from minidl.data import *  # noqa: F403
from minidl.data import __all__ as __all__

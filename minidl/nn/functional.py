"""`minidl.functional` under PyTorch's path, `torch.nn.functional`."""

from __future__ import annotations

from minidl.functional import *  # noqa: F403
from minidl.functional import __all__ as __all__

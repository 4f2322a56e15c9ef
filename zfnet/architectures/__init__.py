"""Networks by name, built of our `minidl.nn`: residual, mobile and plain ones, of any size."""

from zfnet.architectures.named import NAMES, NamedNet, build
from zfnet.architectures.settings import NamedSettings

__all__ = ["NAMES", "NamedNet", "NamedSettings", "build"]

"""ZFNet and its deconvnet: network, data sets, training, and the experiments of the paper.

    from zfnet import ZFNet, AlexNet, Deconvnet, attribute, load, occlusion_map, strongest

The names are imported when they are first asked for, so that a command starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zfnet.attribution.attributing import attribute
    from zfnet.model import AlexNet, ZFNet
    from zfnet.notebook import Deconvnet, load, occlusion_map, prepare, strongest

_PLACES = {
    "AlexNet": "zfnet.model", "ZFNet": "zfnet.model", "Deconvnet": "zfnet.notebook",
    "load": "zfnet.notebook", "occlusion_map": "zfnet.notebook", "prepare": "zfnet.notebook",
    "strongest": "zfnet.notebook", "attribute": "zfnet.attribution.attributing",
}  # fmt: skip

__all__ = [
    "AlexNet", "Deconvnet", "ZFNet", "attribute", "load", "occlusion_map", "prepare", "strongest",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'zfnet' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)

"""Methods of attribution: what the pixels of an image have to do with one unit of a network.

    found = attribute(network, images, "goldfish", "integrated-gradients", steps=50)

`METHODS` lists them by name; docs/rules.md has each one's formula, source, meaning and cost.
"""

from zfnet.attribution.attributing import attribute
from zfnet.attribution.method import Method
from zfnet.attribution.methods import METHODS
from zfnet.attribution.result import Attribution
from zfnet.attribution.targets import Chosen

__all__ = ["METHODS", "Attribution", "Chosen", "Method", "attribute"]

"""Strata: sizes that are listed, not drawn, since a draw of all sizes would seldom contain them.

A `Stratum` lists geometries of many operations. A property over a stratum (`listed=`) tries each of
them once, the cheapest first, until its time is over.
"""

from __future__ import annotations

from kernels.verify.strata.empty import EMPTY
from kernels.verify.strata.networks import NETWORKS
from kernels.verify.strata.stratum import Stratum
from kernels.verify.strata.thresholds import THRESHOLDS

__all__ = ["EMPTY", "NETWORKS", "THRESHOLDS", "Stratum"]

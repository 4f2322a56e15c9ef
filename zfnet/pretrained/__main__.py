"""Installation of a finished run as the pretrained network: python -m zfnet.pretrained RUN.

Writes its weights in half precision, the log of its training and the curve beside this file;
CARD.md is written by hand.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from zfnet import network as networks
from zfnet.pretrained import CURVE, FILE, LOG, NAME


def main(run: Path) -> None:
    """Write FILE, LOG and CURVE from the run's folder."""
    network = replace(networks.load(run), data=NAME)  # not the path of somebody's folder
    network.save(FILE, half=True)
    shutil.copyfile(run / "log.jsonl", LOG)
    shutil.copyfile(run / "curve.svg", CURVE)
    print(f"{FILE}: {FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

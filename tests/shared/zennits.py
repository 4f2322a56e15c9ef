"""zennit, the reference of relevance, also beside a PyTorch without CUDA.

zennit imports torchvision, for the names of its networks. torchvision's wheel on PyPI is built
against the PyTorch there, with CUDA. Beside one without, its operators cannot be loaded, and its
import stops where it describes two of them to the tracer. They are then declared here, so that it
goes on; no test calls them.
"""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")

SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_kept: list[Any] = []
"""Declarations, which end with their library."""


def import_zennit() -> Any:
    """The package zennit; the test is skipped where it is not installed."""
    _declare()
    return pytest.importorskip("zennit")


def _declare() -> None:
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            library.define(operator + SIGNATURE)
        _kept.append(library)
    except ImportError:
        pytest.skip("torchvision, which zennit imports, is not installed")

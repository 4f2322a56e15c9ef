"""Arrays as pictures, and pictures as one self-contained HTML page."""

from zfnet.report.cards import MapCard
from zfnet.report.occlusion import OcclusionCard
from zfnet.report.page import Page, Section

__all__ = ["MapCard", "OcclusionCard", "Page", "Section"]

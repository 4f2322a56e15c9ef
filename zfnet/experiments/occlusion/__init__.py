"""Occlusion sensitivity (paper, section 4.2, Fig 7)."""

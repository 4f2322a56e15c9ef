"""Layers removed, resized and averaged (paper, Tables 2 and 3)."""

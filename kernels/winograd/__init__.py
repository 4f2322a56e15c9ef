"""Winograd convolution: Toom-Cook matrices, tilings, packed layouts, and the passes over tiles."""

"""Gradient of a convolution with respect to its weights (wgrad)."""

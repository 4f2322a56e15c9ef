"""Convolution: y = x * w."""

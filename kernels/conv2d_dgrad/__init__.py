"""Gradient of a convolution with respect to its input (dgrad): transposed convolution."""

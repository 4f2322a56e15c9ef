"""Convolution (fprop): y = x * w."""

"""Convolution, bias, ReLU and max-pooling as one operation."""

"""Transpose of average pooling."""

"""Comparison of torchvision's networks, imported, with ONNX Runtime: `python -m tests.networks`."""

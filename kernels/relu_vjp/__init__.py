"""The gradient of rectification."""

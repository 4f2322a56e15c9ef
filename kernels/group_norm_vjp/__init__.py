"""The gradient of group normalisation."""

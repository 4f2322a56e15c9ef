"""Gradient of local contrast normalisation."""

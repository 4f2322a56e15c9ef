"""Gradient of local response normalisation."""

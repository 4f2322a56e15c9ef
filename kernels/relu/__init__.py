"""Rectification (ReLU)."""

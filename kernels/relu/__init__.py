"""Rectification."""

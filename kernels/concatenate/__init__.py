"""Concatenation along channels."""

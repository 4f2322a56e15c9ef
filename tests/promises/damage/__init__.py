"""Damaged files by the grammar of their formats: each generator draws a file from a seed."""

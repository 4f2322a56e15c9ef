"""Patches with a fill value where they reach outside of their plane."""

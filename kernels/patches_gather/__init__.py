"""Patches gathered from planes, each at its own place."""

"""Patches filled outside of the plane that they are parts of."""

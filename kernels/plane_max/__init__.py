"""The maximum of every plane and its place."""

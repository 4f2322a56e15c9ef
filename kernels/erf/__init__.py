"""Error function."""

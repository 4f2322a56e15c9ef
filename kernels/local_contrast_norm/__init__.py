"""Local contrast normalisation."""

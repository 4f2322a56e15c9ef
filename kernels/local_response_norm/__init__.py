"""Local response normalisation across channels."""

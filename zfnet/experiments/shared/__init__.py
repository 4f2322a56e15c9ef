"""Parts that several experiments use."""

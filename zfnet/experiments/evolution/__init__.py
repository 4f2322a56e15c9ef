"""Features during training (paper, Fig 4)."""

"""Feature invariance under translation, scaling and rotation (paper, Fig 5)."""

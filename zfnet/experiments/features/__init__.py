"""The strongest activations of each map and their projections (paper, Fig 2)."""

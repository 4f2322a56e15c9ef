"""First-layer filters: dead, dominating, aliased (paper, Fig 6)."""

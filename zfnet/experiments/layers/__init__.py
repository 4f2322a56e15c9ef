"""Classifiers on each layer's features (paper, Table 7)."""

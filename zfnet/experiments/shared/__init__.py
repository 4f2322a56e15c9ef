"""Shared parts of the experiments: statistics, classifiers, trained networks, pages."""

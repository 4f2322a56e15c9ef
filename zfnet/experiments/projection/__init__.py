"""Projections of one unit."""

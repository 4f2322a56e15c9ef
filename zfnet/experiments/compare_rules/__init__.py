"""Comparison of attribution methods: deletion, insertion, random weights, the pointing game."""

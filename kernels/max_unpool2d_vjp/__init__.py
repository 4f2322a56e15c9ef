"""Transpose of unpooling: a gather at the switches."""

"""Unpooling: pooled values are scattered to the pixels of their switches."""

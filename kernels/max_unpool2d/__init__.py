"""Unpooling: pooled values go back to their switches."""

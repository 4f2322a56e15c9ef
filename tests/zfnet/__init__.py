"""Tests of `zfnet`."""

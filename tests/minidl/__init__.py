"""Tests of `minidl`."""

"""Tests that execute the documentation."""

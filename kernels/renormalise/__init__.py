"""Filters scaled back to a largest root mean square."""

"""Counter-based random bits."""

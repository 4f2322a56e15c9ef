"""Matrix products of a batch."""

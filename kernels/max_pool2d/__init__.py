"""Max-pooling with switches."""

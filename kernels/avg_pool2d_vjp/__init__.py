"""The transpose of average pooling."""

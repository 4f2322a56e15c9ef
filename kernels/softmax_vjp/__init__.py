"""The gradient of the softmax of rows."""

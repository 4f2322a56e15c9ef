"""PyTorch's package `utils`, for its `data`."""

"""Training scripts as people write them for PyTorch, run under PyTorch and under minidl."""

"""The kernels and the whole network against PyTorch and the machine's limit."""

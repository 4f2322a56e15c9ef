"""Command line `python -m kernels COMMAND`."""

"""The command line: `python -m kernels COMMAND`, and what every command line here shares."""

"""The ladder: one convolution from loops to Winograd, one idea a file.

`docs/ladder.md` tells it from the first step to the last, with a table of times. Every step runs
alone, as in `python -m kernels.ladder im2col`. The steps are written for reading and know a stride
of 1 only; they are not registered, and nothing in the library uses them.
"""

"""The ladder: one convolution from loops to Winograd, one idea in each file.

`docs/ladder.md` explains it from the first step to the last, with a table of times. Every step runs
alone, as in `python -m kernels.ladder im2col`. The steps are written for reading and support stride
1 only; they are not registered, and nothing in the library uses them.
"""

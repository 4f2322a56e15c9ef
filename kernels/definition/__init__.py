"""Whole-array definitions of the operations in float64, fast enough for real layers.

`kernels.reference` defines each operation with nested loops, which are slow. Here NumPy computes
the same sums over whole arrays; nothing of the kernels is used but their geometries. The property
suite and the benchmark compare results with these; tests compare these with the nested loops.
"""

"""Definitions of all operations in float64, fast enough for real layers: the expected results.

They are computed with NumPy alone, and use only the geometries of `kernels`. Tests hold them equal
to the nested loops in `kernels/reference.py`. `steps.py` has each layer with its derivative,
`chain.py` a sequence of layers.
"""

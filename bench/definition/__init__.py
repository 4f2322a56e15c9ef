"""Every operation in float64, fast enough for real layers: what results are held against.

NumPy alone computes here, nothing of `kernels` but its geometries; tests hold what stands here
equal to the nested loops in `kernels/reference.py`. `steps.py` gives each layer its derivative
beside it, `chain.py` puts them in a row.
"""

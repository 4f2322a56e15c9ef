"""Oracles: independent implementations to compare kernels with. None shares code with a kernel.

`kernels.reference` is the definition: nested loops, slow. `taps` computes the convolutions in
another order and in a wider type, for large sizes; `windows` and `neighbours` compute pooling and
the normalisations as array expressions. PyTorch and ONNX's reference evaluator are used where they
are installed, and imported on first use.
"""

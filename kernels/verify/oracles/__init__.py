"""Other people's and other ways' answers, to compare a kernel with. None shares its code.

`kernels.reference` is the definition: nested loops, slow. `taps` is the same sum in another order
and in a wider type, for large sizes; `windows` and `neighbours` are pooling and the normalisations
as array expressions. PyTorch and ONNX's reference evaluator serve where they are
installed; they are imported when first asked.
"""

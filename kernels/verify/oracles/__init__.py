"""Answers of other libraries, to compare a kernel with: PyTorch and ONNX's reference evaluator.

None shares the kernels' code. They are used where they are installed, and imported at first use.
The project's own answers are `kernels.reference` and `kernels.definition`.
"""

"""Answers of other libraries, to compare a kernel with: PyTorch and ONNX's reference evaluator.

None shares the kernels' code. They serve where they are installed, and are imported when first
asked. The project's own answers are `kernels.reference` and `kernels.definition`.
"""

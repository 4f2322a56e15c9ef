"""Networks in ONNX files: read into layers, and written."""

from minidl.onnx.export import save_onnx
from minidl.onnx.importing import load_onnx
from minidl.onnx.reading import read_shape

__all__ = ["load_onnx", "read_shape", "save_onnx"]

"""Import and export of networks as ONNX files."""

from minidl.formats.onnx.export import save_onnx
from minidl.formats.onnx.importing import load_onnx
from minidl.formats.onnx.reading import read_shape

__all__ = ["load_onnx", "read_shape", "save_onnx"]

"""Network files of other programs: ONNX, pickled state dictionaries, torchvision's names."""

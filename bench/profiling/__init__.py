"""Profile of a network layer by layer, `python -m bench profile MODEL`.

`layers.py` times our layers, `runtime.py` reads ONNX Runtime's own profile, `picture.py` draws
both, `command.py` is the command.
"""

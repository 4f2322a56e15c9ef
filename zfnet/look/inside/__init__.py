"""Inside one number: the operands of one unit of a layer, and how they give its value.

Pure computation on arrays, which the live page shows: `window_sum.py` (convolution and linear
layers, im2col), `winograd_tile.py`, `pooled.py`, `normalised.py`, `pointwise.py`, `transposed.py`
(the step back of the deconvnet). `layer.py` finds the operands of a unit of a network, `step.py`
those of a projection's step (`projected.py`). Each result is compared with the engine's value,
within the bound that the kernel declares (`compared.py`).
"""

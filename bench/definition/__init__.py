"""Networks in float64 from the layers' definitions (`kernels.definition`), and their rounding.

`convolution.py` takes a convolution image by image and gives the sums that its bounds need.
`steps.py` gives each layer its derivative beside it, `chain.py` puts layers in a row,
`branches.py` lets them branch and join.
"""

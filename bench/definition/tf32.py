"""How far TF32, in which tensor cores take the factors of products, can move a product.

TF32 is float32 with 10 bits of fraction for 23 (NVIDIA A100 Tensor Core GPU Architecture, 2020).
Sums stay in float32. Whether a factor is rounded or cut off is the library's choice, so it is off
by at most 2^-10 of itself, a product of two by (1 + 2^-10)^2 - 1, and a sum of products by that
times the sum of the absolute products.
"""

from __future__ import annotations

FACTORS = (1 + 2**-10) ** 2 - 1
"""Of a product, what rounding both factors can move it by at most."""

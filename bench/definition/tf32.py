"""Rounding error of TF32, the type in which tensor cores take the factors of products.

TF32 is float32 with 10 bits of fraction for 23 (NVIDIA A100 Tensor Core GPU Architecture, 2020).
Sums stay in float32. A library may round or truncate a factor, so its relative error is at most
2^-10, that of a product of two (1 + 2^-10)^2 - 1, and the error of a sum of products that times the
sum of the absolute products.
"""

from __future__ import annotations

FACTORS = (1 + 2**-10) ** 2 - 1
"""Largest relative error of a product by rounding both factors."""

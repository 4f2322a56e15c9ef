"""Building blocks of CPU kernels: vectors, micro-kernels (MR x NR), packing, prefetch, products."""

"""Judge: a verdict on a kernel that is not trusted, which runs in a process of its own.

The kernel's process (`child.py`) holds nothing but the kernel, its declarations and copies of the
operands. Drawn calls, the definition, bounds, clock and verdict stay in the judging process, where
a `Remote` stands for the kernel: the property suite (`kernels.verify`) runs on it as on any other.
What comes back is data, never code (`messages.py`); operands lie between pages that cannot be read
or written (`arena.py`).
"""

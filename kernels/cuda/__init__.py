"""Interface of the CUDA kernels: device arrays, launches, matrix products, CuPy or emulator.

    x = cuda.place(x, "cuda")             a cupy.ndarray; "emulator": an Emulated, on any machine
    PROGRAM = Program(__file__, entries=("fill<float>", "fill<double>"))     the .cu file beside it
    PROGRAM.launch("fill<float>", (blocks, 1, 1), (256, 1, 1), x, np.int64(x.size))

With a GPU the source is compiled by NVRTC through `cupy.RawModule`. In the emulator (`emulator/`)
the same file runs on NumPy's memory. The arrays decide which of the two it is. No other package
knows CuPy or the emulator. Importing this one needs neither CuPy nor a compiler.
"""

from __future__ import annotations

from kernels.contract.arrays import Emulated, device_kind, emulated, gpu, host, place, transfers
from kernels.contract.devices import NoGPU
from kernels.cuda.products import product
from kernels.cuda.program import Entry, Program, ctype, programs
from kernels.cuda.structs import conv_struct, pool_struct

__all__ = [
    "Emulated",
    "Entry",
    "NoGPU",
    "Program",
    "conv_struct",
    "ctype",
    "device_kind",
    "emulated",
    "gpu",
    "host",
    "place",
    "pool_struct",
    "product",
    "programs",
    "transfers",
]

"""Kernels and networks against other libraries and the machine's limit: `python -m bench`.

`layers.py` says what kinds of layers there are, `catalogue.py` lists those of known networks. A
`Case` (`cases.py`) is one operation on one of them; `operations/` has a class for each operation,
the one place to add another: its inputs, what its result must be (`definition/`, with
`kernels/definition`), how kernels and libraries are called, its operations and bytes.

`turns.py` tells the story: each contender computes in a process of its own (`team.py` outside,
`worker.py` inside), `judge.py` holds its results against the definition, and those that are right
take turns. `rows.py` is what becomes of their times, `machine.py` what they were measured on;
`tables.py`, `records.py` and `report.py` write it down.

`instrument.py` measures a call on the processor, `gpu.py` on a GPU (`--device cuda`), whose limits
`gpu_limits.py` measures; without one, `emulated.py` lets CUDA's kernels compute every case in the
emulator, and judges (`--device emulator`).
"""

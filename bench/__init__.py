"""Benchmark of kernels and networks against other libraries and the machine's limits.

The command is `python -m bench`. `layers.py` defines the kinds of layers, `catalogue.py` lists the
layers of known networks. A `Case` (`cases.py`) is one operation on one of these layers.
`operations/` has a class for each operation. A new operation is one more class there: its inputs,
its expected result (`kernels/definition`, `definition/`), how kernels and libraries are called, its
operations and bytes.

Whole networks are in `published/`, built layer by layer, or come from a user's ONNX file;
`networks.py` is their command, `engines.py` calls the engines that read such files. `profiling/`
times the layers of one network, `compare.py` finds what became slower between two results.

`round_robin.py` measures a case. Each contender computes in a process of its own: `processes.py` is
the parent's side, `worker.py` and `prepared_contender.py` are the child's. `correctness.py`
compares results with the definition, and the correct contenders are timed in turns, the others
stopped, beside a busy process if asked (`busy.py`), then with the hardware's counters
(`counters.py`). `rows.py` holds their times, `machine.py` the machine that they were measured on;
`tables.py`, `records.py` and `report.py` write both.

`kernels/contract/clock.py` measures a call on the CPU, `gpu.py` on a GPU (`--device cuda`);
`gpu_limits.py` measures the GPU's limits. Without a GPU, `emulated.py` runs every case with the
CUDA kernels in the emulator and checks the results (`--device emulator`).
"""

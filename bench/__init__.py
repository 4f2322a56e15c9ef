"""The kernels against PyTorch and the machine's limit: `python -m bench`.

`layers.py` is what is timed, as data; a `Case` (`cases.py`) is one operation on one of them.
`turns.py` tells the story: each contender computes in a process of its own (`team.py` outside,
`worker.py` inside), `judge.py` holds its result against `definition.py`, and those that are right
take turns. `rows.py` is what becomes of their times, `machine.py` what they were measured on.
"""

"""Data-parallel training over MPI: the same weights, bit for bit, whatever the number of processes.

A batch is cut into shards. A shard's gradient is computed alike wherever it is, and the gradients
are added in a binary tree over the shards that does not depend on who computed them. `launch` reads
the launcher's environment, `world` has the processes, `tree` the order of the sums, `arena` the
memory of gradients, `exchange` their way between processes, `sharded` a step, `synchronised` that
with batch normalisation of the whole batch (in `lockstep`), `agreement` what must be the same in
all processes. `team` shares the work of the other commands. docs/machines.md describes its use.
"""

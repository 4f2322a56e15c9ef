"""Model of a data-parallel step, held against measured steps, and what it says of larger machines.

    python -m bench.machines --measure       # measure here, and write docs/bench/machines.json
    python -m bench.machines                 # the tables and the chart of docs/machines.md from it

`step` is the model: compute a layer, buckets, latency, bandwidth. `compute` measures a network's
layers in one process, `measured` the steps of several, `links` has networks and nodes that are
stated and not measured, `page` the tables and the chart.
"""

"""Tasks in KernelBench's form, with a right and a wrong solution of each.

A file has `Model`, which says what is to be computed, `get_inputs` and `get_init_inputs`, and two
classes of which one becomes `ModelNew`: `Right` and `Wrong`. `Wrong` has a mistake that people
make, which its docstring names.
"""

"""Tasks in KernelBench's form: a network of few layers, and a module that should compute the same.

The file's `Model` says what is to be computed; its structure is read as data (`forms/modules.py`),
and the results by the definition, with a bound of the error, are those of `definition.py`.
"""

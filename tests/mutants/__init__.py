"""Bugs planted in code that is no kernel, each with the tests that must catch it.

`kernels/verify/mutants` plants bugs in kernels, which properties catch. Here they are planted in
what kernels share (`kernels/contract`), in `minidl` and in `zfnet`: the tests named with a bug run
in a process of their own, in which the changed file is imported in place of the sound one.

    python -m tests.mutants                      # all of them
    python -m tests.mutants --part "minidl: walk"
    python -m tests.mutants --page docs/mutants.md
"""

"""Decorators of compiled functions: entry points, and the subroutines that they call.

    @entry_point(parallel=True)     called from Python; Numba caches its code
    @subroutine                     called from compiled code
    @optimised                      a subroutine that LLVM optimises before its callers too
    @inlined                        compiled into its caller by Numba itself, before types are known

An entry point is compiled as one unit with all that it calls (`linking.py`), in less than half of
the time that Numba takes, to code of the same speed. A subroutine has no wrapper for Python and no
cached code of its own; called from Python all the same, in a test or at a prompt, it is compiled
once more.

That is done with the versions of Numba that it was tested with, `KNOWN`. With any other one the
decorators are `numba.njit`: the results are the same, the first call takes longer.
"""

from __future__ import annotations

from typing import Any

import numba

KNOWN = "0.68."
"""First part of the versions of Numba whose code generator `linking.py` changes."""
AS_ONE_UNIT = numba.__version__.startswith(KNOWN)
"""Whether an entry point is compiled as one unit."""

if AS_ONE_UNIT:
    from kernels.contract.linking import EntryCompiler, OptimisingCompiler, Subroutine

_njit: Any = numba.njit  # its stub lacks the options about wrappers


def entry_point(**options: Any) -> Any:
    """Decorator of a compiled function that Python calls; `options` as of `numba.njit`."""
    if AS_ONE_UNIT:
        options |= {"pipeline_class": EntryCompiler, "no_cfunc_wrapper": True}
    return _njit(cache=True, **options)


def _subroutine(**options: Any) -> Any:
    def decorate(function: Any) -> Any:
        if not AS_ONE_UNIT:
            return _njit(cache=True, **options)(function)
        return Subroutine.of(
            _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)(function)
        )

    return decorate


subroutine = _subroutine()
"""Decorator of a function that compiled code calls."""
optimised = _subroutine(**({"pipeline_class": OptimisingCompiler} if AS_ONE_UNIT else {}))
"""Decorator of such a function that is optimised by itself, then again with its callers.

As Numba does it with all: some long functions are a few percent faster for it, and compiling them
takes longer.
"""
inlined = _subroutine(inline="always")
"""Decorator of such a function that Numba compiles into its callers.

A call counts references to every array of the structures it is given, which takes longer than a
short function, and LLVM's inlining (`forceinline`) leaves the counting in place.
"""

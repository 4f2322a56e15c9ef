"""Compilation of a kernel as one unit: entry points and the subroutines they call.

Numba optimises and assembles every function by itself, then again inside each function that calls
it, and the body of a parallel loop four times more (loop, two wrappers, caller). Here only an entry
point is optimised and assembled. Its subroutines, loops and Numba's own functions are translated to
LLVM's representation and linked into it. The optimiser sees the same program, once: the results are
the same, compiled in a third of the time.

    @entry_point(parallel=True)     called from Python; Numba caches its code
    @subroutine                     called from compiled code only: no wrapper, no code of its own
    @inlined                        compiled into its caller by Numba itself, before types are known

A subroutine that a function under plain `numba.njit` calls is compiled as Numba does it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numba
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba.core import compiler
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import CPUDispatcher


class Linked(JITCodeLibrary):
    """A function that is linked into others as it is, and optimised and assembled only if its
    address is asked for."""

    _assembled = False

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Link what it calls."""
        self._raise_if_finalized()
        on_load: set[Any] = getattr(self, "_reload_init", set())  # since Numba 0.63
        for library in dict.fromkeys(self._linking_libraries):
            on_load |= getattr(library, "_reload_init", set())
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Address of a function, 0 where there is none.

        Numba asks for the wrapper for Python even of a parallel loop's body, where it is not used.
        """
        if not self._defines(name) or self.name.startswith("__numba_parfor_gufunc"):
            return 0
        if not self._assembled:
            self._assembled = True
            super()._optimize_functions(self._final_module)
            self._optimize_final_module()
            self._finalize_final_module()
        return int(super().get_pointer_to_function(name))

    def _defines(self, name: str) -> bool:
        try:
            return not self._final_module.get_function(name).is_declaration
        except NameError:
            return False


class EntryCompiler(compiler.Compiler):
    """Numba's compiler, with all libraries but the function's own only linked."""

    def _compile_core(self) -> Any:
        state = self.state
        codegen = state.targetctx.codegen()
        state.library = JITCodeLibrary(codegen, state.func_id.func_qualname)
        state.library.enable_object_caching()
        with _linked_only(codegen), _without_collection():
            return super()._compile_core()


@contextmanager
def _linked_only(codegen: Any) -> Iterator[None]:
    """Libraries that `codegen` makes are `Linked`. Numba compiles under a lock, on one thread."""
    kind, bind = codegen._library_class, codegen.set_env

    def set_env(name: str, environment: Any) -> None:
        if not codegen._engine.get_global_value_address(name):
            _reserve(codegen, name)
        bind(name, environment)

    codegen._library_class, codegen.set_env = Linked, set_env
    try:
        yield
    finally:
        codegen._library_class, codegen.set_env = kind, bind


def _reserve(codegen: Any, name: str) -> None:
    """The global variable `name` in memory: of a function that is only linked there is none yet,
    and Numba writes its environment to it."""
    module = codegen._create_empty_module(name)
    pointer = ir.IntType(8).as_pointer()
    variable = ir.GlobalVariable(module, pointer, name)
    variable.initializer = ir.Constant(pointer, None)
    codegen._add_module(binding.parse_assembly(str(module)))
    codegen._engine.finalize_object()


@contextmanager
def _without_collection() -> Iterator[None]:
    """No garbage collection: the search for cycles takes a sixth of the compiler's time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_njit: Any = numba.njit  # its stub lacks the options about wrappers
_WITHOUT_WRAPPERS = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def entry_point(**options: Any) -> Any:
    """Decorator of a compiled function that Python calls; `options` as of `numba.njit`."""
    return _njit(cache=True, pipeline_class=EntryCompiler, no_cfunc_wrapper=True, **options)




class Subroutine(CPUDispatcher):  # type: ignore[misc]
    """A function without a wrapper for Python, which therefore has no address to call.

    Called from Python all the same, in a test or at a prompt, it is compiled once more, as Numba
    compiles any function.
    """

    def add_overload(self, compiled: Any) -> None:
        """Keeps the code for compiled callers alone: Numba's table is of addresses for Python."""
        self.overloads[tuple(compiled.signature.args)] = compiled

    def _compile_for_args(self, *arguments: Any, **keywords: Any) -> Any:
        """What Python calls, as Numba asks for it where its table has no address."""
        if "alone" not in vars(self):
            self.alone = _njit(self.py_func)
        return self.alone


def _subroutine(**options: Any) -> Any:
    def decorate(function: Any) -> Any:
        dispatcher = _njit(**_WITHOUT_WRAPPERS, **options)(function)
        dispatcher.__class__ = Subroutine
        return dispatcher

    return decorate


subroutine = _subroutine()
"""Decorator of a function that compiled code calls."""
inlined = _subroutine(inline="always")
"""Decorator of such a function that Numba compiles into its callers.

A call counts references to every array of the structures it is given, which takes longer than a
short function, and LLVM's inlining (`forceinline`) leaves the counting in place.
"""
